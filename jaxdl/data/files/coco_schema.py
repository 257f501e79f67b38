"""The content of a COCO-json file, checked entry by entry and field by field before it is used.

Numbers may be written as text, as some tools do: an image "17" is the image 17. Every error names
the file, the entry and the field.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.notes import Notes
from jaxdl.typing import Host

Id = int | str
Fields = Mapping[str, Any]
LONGEST = 4096  # characters of a name: more are no path
MOST_SHOWN = 60  # characters of a value in a message
TRUTH = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True, None: False}


class ImageEntry(NamedTuple):
    """One of `images`. `shape` is height and width, None where the file does not say."""

    id: Id
    file_name: str
    shape: tuple[int, int] | None

    def __str__(self) -> str:
        """What messages call it."""
        return f"{self.id} ({self.file_name})"


class Category(NamedTuple):
    """One of `categories`, with the names of its keypoints and its skeleton as it is written."""

    id: Id
    name: str
    keypoints: tuple[str, ...] = ()
    bones: Any = None

    @property
    def joints(self) -> int:
        """The number of its keypoints."""
        return len(self.keypoints)


class Annotation(NamedTuple):
    """One of `annotations`: its name in messages, its image, and all that it says."""

    name: str
    image: Id
    fields: Fields


class CocoFile:
    """A COCO-json file, read once. What is asked of it is checked then; raises DataError."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.content = read_json_object(self.path)

    def entries(self, name: str) -> list[tuple[str, Fields]]:
        """(where it is, its fields) of each entry of the list `name`."""
        found = self.content.get(name)
        if not isinstance(found, list):
            raise DataError(
                f"{self.path} has no list of {name}, but {show_value(found)}; COCO-json has lists "
                "of images, annotations and categories"
            )
        named = [(f"{self.path}: {name}[{i}]", entry) for i, entry in enumerate(found)]
        for who, entry in named:
            if not isinstance(entry, dict):
                raise DataError(f"{who} must be an object with fields, got {show_value(entry)}")
        return named

    def images(self) -> dict[Id, ImageEntry]:
        """The images by id: in the order of the ids where those are numbers, else as listed."""
        listed: dict[Id, ImageEntry] = {}
        for who, fields in self.entries("images"):
            image = ImageEntry(
                read_id(who, "id", fields),
                read_text(who, "file_name", fields),
                image_shape(who, fields),
            )
            if image.id in listed:
                raise DataError(
                    f"{who}: id {image.id!r} is given twice, to {listed[image.id].file_name!r} and "
                    f"to {image.file_name!r}; objects would change pictures: give each its own id"
                )
            listed[image.id] = image
        if not listed:
            raise DataError(f"{self.path} has no images: its list of images is empty")
        numbers = {key: image for key, image in listed.items() if isinstance(key, int)}
        return dict(sorted(numbers.items())) if len(numbers) == len(listed) else listed

    def categories(self) -> list[Category]:
        """The categories in the order of their ids where those are numbers, else as listed."""
        listed: dict[Id, Category] = {}
        for who, fields in self.entries("categories"):
            joints = fields.get("keypoints") or []
            if not isinstance(joints, list):
                raise DataError(f"{who}: keypoints must be a list, got {show_value(joints)}")
            key = read_id(who, "id", fields)
            if key in listed:
                raise DataError(f"{who}: id {key!r} is given twice; give each its own id")
            name, points = read_text(who, "name", fields), tuple(map(str, joints))
            listed[key] = Category(key, name, points, fields.get("skeleton"))
        if not listed:
            raise DataError(f"{self.path} has no categories: its list of categories is empty")
        if all(isinstance(key, int) for key in listed):
            return [listed[key] for key in sorted(listed)]  # pyright: ignore[reportArgumentType]
        return list(listed.values())

    def annotations(self, images: Mapping[Id, ImageEntry]) -> list[Annotation]:
        """The annotations, each of one of the images."""
        made = []
        for who, fields in self.entries("annotations"):
            image = read_id(who, "image_id", fields)
            if image not in images:
                raise DataError(f"{who}: there is no image {image!r}, which its image_id names")
            made.append(Annotation(who.removeprefix(f"{self.path}: "), image, fields))
        return made

    def has_captions(self) -> bool:
        """Whether an annotation has a caption."""
        found = self.content.get("annotations")
        return isinstance(found, list) and any(
            isinstance(a, dict) and "caption" in a for a in found
        )


def read_json_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds."""
    if path.is_dir():
        inside = ", ".join(sorted(p.name for p in path.glob("*.json"))[:5]) or "no .json file"
        raise DataError(f"{path} is a folder; give the COCO-json file itself (in it: {inside})")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no JSON file that can be read: no plain file")
    try:
        content = json.loads(path.read_bytes())
    except RecursionError:
        raise DataError(f"{path} is no JSON file that can be read: too many brackets") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no JSON file that can be read: byte {error.start} is not {error.encoding}; "
            "save it as UTF-8"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no JSON file that can be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(
            f"{path} holds {show_value(content)}; COCO-json is an object with lists of images, "
            "annotations and categories"
        )
    return content


def read_id(who: str, field: str, fields: Fields) -> Id:
    """A whole number, or a text that is none: 17, 17.0 and "17" are the same."""
    value = fields.get(field)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch("0|[1-9][0-9]{0,18}", value):
        return int(value)
    if isinstance(value, (int, str)) and not isinstance(value, bool) and value != "":
        return value
    raise DataError(f"{who}: {field} must be a whole number or a text, got {show_value(value)}")


def read_text(who: str, field: str, fields: Fields) -> str:
    """A text that is not empty and may be the name of a file."""
    value = fields.get(field)
    if isinstance(value, str) and value.strip() and "\0" not in value and len(value) <= LONGEST:
        return value
    if field == "name" and isinstance(value, int):  # classes "0" to "9"
        return str(value)
    raise DataError(f"{who}: {field} must be a text, got {show_value(value)}")


def image_shape(who: str, fields: Fields) -> tuple[int, int] | None:
    """Height and width; None where both are absent or 0."""
    sides = [fields.get(name) or 0 for name in ("height", "width")]
    numbers = [as_number(side) for side in sides]
    if any(n is None or not n.is_integer() or n < 0 for n in numbers) or numbers.count(0) == 1:
        got = " and ".join(show_value(fields.get(name)) for name in ("height", "width"))
        raise DataError(f"{who}: height and width must be whole numbers, got {got}")
    height, width = (int(n or 0) for n in numbers)
    return (height, width) if height and width else None


def read_numbers(value: Any, count: int = 0) -> Host | str:
    """A flat list of numbers, `count` if that is not 0: float64; or why it is none."""
    if not isinstance(value, list):
        return f"must be a list of numbers, got {show_value(value)}"
    plain = set(map(type, value)) <= {int, float}  # of millions of polygons
    numbers = value if plain else [as_number(v) for v in value]
    if None in numbers or (count and len(numbers) != count):
        return f"must be {count or 'a list of'} numbers, got {show_value(value)}"
    try:
        return np.array(numbers, np.float64)
    except OverflowError:
        return f"must be numbers, got {show_value(value)}"


def read_truth(value: Any) -> bool | str:
    """Yes or no however it is written; or why it is neither."""
    key = value.strip().lower() if isinstance(value, str) else value
    known = not isinstance(key, (list, dict)) and key in TRUTH
    return TRUTH[key] if known else f"must be 0 or 1, got {show_value(value)}"


def as_number(value: Any) -> float | None:
    """A number, also written as text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def number_rows(ids: Iterable[Id], notes: Notes) -> dict[Id, int]:
    """The `image_id` of each row, an int32: the id; where one is none, its place, which is said."""
    listed = list(ids)
    if all(isinstance(i, int) and abs(i) < 2**31 for i in listed):
        return {i: int(i) for i in listed}
    notes.taken.append(
        "image ids do not fit into 32 bits, or are texts: rows have the place in their order"
    )
    return {key: place for place, key in enumerate(listed)}


def show_value(value: Any) -> str:
    """A value as JSON writes it, short."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, dict)) and len(value) > MOST_SHOWN:
        kind = "a list" if isinstance(value, list) else "an object"
        return f"{kind} of {len(value)}"
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
