"""A folder in the layout of PASCAL VOC: boxes and masks."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.files.safe_xml import read_xml
from jaxdl.data.files.voc_folder import VocFolder
from jaxdl.data.masks.label_map import read_label_map
from jaxdl.data.notes import Notes, name_some
from jaxdl.typing import Host

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
TRUTH = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True, "": False}
CORNERS = ("xmin", "ymin", "xmax", "ymax")


class VocObject(NamedTuple):
    """One `<object>`: its class "" and its box not finite where `fault` says why."""

    name: str
    box: tuple[float, ...]  # x1, y1, x2, y2
    difficult: bool
    fault: str = ""


class VocPicture(NamedTuple):
    """One annotation file: what it calls its picture, the size (H, W) if it says one, objects."""

    name: str
    written: str
    shape: tuple[int, int] | None
    objects: list[VocObject]


def read_voc(
    folder: VocFolder,
    names: Sequence[str],
    *,
    who: str = "",
    image_size: tuple[int, int],
    classes: tuple[str, ...] = (),
    masks: bool = False,
    notes: Notes | None = None,
    **options: Any,
) -> AnnotatedImages:
    """The objects of these annotations.

    Classes are VOC's 20 where they suffice, else the names that occur, sorted. `masks` come from
    `SegmentationObject`. `who`: what messages call it; `options` are those of `AnnotatedImages`.
    """
    who, notes = who or str(folder.root), notes or Notes()
    read = [read_annotation(folder.annotations[name]) for name in names]
    found = {o.name for picture in read for o in picture.objects if o.name}
    classes = classes or (CLASSES if found <= set(CLASSES) else tuple(sorted(found)))
    strangers = sorted(found - set(classes))
    if strangers:
        raise DataError(f"{who}: classes {strangers[:5]} are not among {classes[:9]}")
    place = {name: i for i, name in enumerate(classes)}
    note_doubts(folder, read, notes)
    pictures = []
    for number, (picture, name) in enumerate(zip(read, names, strict=True)):
        segments = folder.root / "SegmentationObject" / f"{name}.png"
        draw = partial(object_masks, segments) if masks else None
        file = folder.picture(name, picture.written)
        pictures.append(annotated(picture, file, number, place, draw))
    return AnnotatedImages(who, pictures, classes, image_size=image_size, notes=notes, **options)


def note_doubts(folder: VocFolder, read: Sequence[VocPicture], notes: Notes) -> None:
    """What is odd of annotations as a whole: names of other pictures, pixels counted from 0."""
    stale = [line for p in read if (line := folder.stale(p.name, p.written))]
    if stale:
        notes.doubts.append(
            f"annotations that name another picture, which is there: {len(stale)} "
            f"{name_some(stale)}; the pictures of their own names are taken"
        )
    first = sum(min(o.box[:2]) < 0 for p in read for o in p.objects)
    if first:
        notes.taken.append(
            f"boxes that begin at 0, where VOC begins at 1: {first}; if the tool counts from 0, "
            "all boxes are one pixel too far to the left and above"
        )


def read_annotation(file: Path) -> VocPicture:
    """What an annotation file says. Raises DataError where it is no XML, or its size no size."""
    root = read_xml(file)
    sides = [(root.findtext(f"size/{name}") or "0").strip() for name in ("height", "width")]
    numbers = [as_number(side) for side in sides]
    if any(n is None or n < 0 or not n.is_integer() for n in numbers) or numbers.count(0) == 1:
        raise DataError(f"{file}: size must have a height and a width, got {' and '.join(sides)}")
    height, width = (int(n or 0) for n in numbers)
    shape = (height, width) if height and width else None
    objects = [read_object(o) for o in root.findall("object")]
    return VocPicture(file.stem, root.findtext("filename") or "", shape, objects)


def read_object(element: Element) -> VocObject:
    """One object. VOC counts pixels from 1 and includes the last."""
    name = " ".join((element.findtext("name") or "").split())
    texts = [(element.findtext(f"bndbox/{corner}") or "").strip() for corner in CORNERS]
    numbers = [as_number(text) for text in texts]
    hard = (element.findtext("difficult") or "").strip().lower()
    fault = "" if name else "it has no name"
    if element.find("bndbox") is None:
        others = [child.tag for child in element if len(child)]
        fault = f"it has no bndbox{f', but {others[0]}' if others else ''}"
    for corner, text, number in zip(CORNERS, texts, numbers, strict=True):
        if number is None and not fault:
            fault = f"bndbox/{corner} {text!r} is not a number"
    if hard not in TRUTH:
        fault = fault or f"difficult must be 0 or 1, got {hard!r}"
    x1, y1, x2, y2 = (np.nan if n is None else n for n in numbers)
    return VocObject(name, (x1 - 1, y1 - 1, x2, y2), TRUTH.get(hard, False), fault)


def annotated(
    picture: VocPicture,
    file: Path,
    number: int,
    place: dict[str, int],
    masks: Callable[[Sequence[int], tuple[int, int]], Host] | None,
) -> AnnotatedImage:
    """One picture with its objects."""
    objects = picture.objects
    return AnnotatedImage(
        name=picture.name,
        file=file,
        shape=picture.shape,
        boxes=np.array([o.box for o in objects], np.float64).reshape(-1, 4),
        labels=np.array([place.get(o.name, 0) for o in objects], np.int32),
        difficult=np.array([o.difficult for o in objects], bool),
        number=number,
        masks=masks,
        objects=tuple(f"object {i + 1}" for i in range(len(objects))),
        faults=partial(known_faults, [o.fault for o in objects]),
    )


def known_faults(faults: Sequence[str], _: tuple[int, int]) -> Sequence[str]:
    """Those of a picture's objects; they do not depend on its size."""
    return faults


def object_masks(file: Path, chosen: Sequence[int], shape: tuple[int, int]) -> Host:
    """The masks of the chosen objects: in the file, object i has the value i + 1."""
    numbers = read_label_map(file)
    if numbers.shape != tuple(shape):
        raise DataError(f"{file} is {numbers.shape}, its picture {shape}")
    return np.array([numbers == i + 1 for i in chosen], bool).reshape(-1, *shape)


def as_number(text: str) -> float | None:
    """The number that a text is; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None
