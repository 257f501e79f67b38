"""A folder in the layout of PASCAL VOC: JPEGImages, Annotations, ImageSets, segmentations."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.files.safe_xml import read_xml
from jaxdl.data.images.decode import reason
from jaxdl.typing import Host

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
VOID = 255  # in segmentations: the rim of an object


def read_voc(
    root: Path | str,
    split: str = "",
    *,
    image_size: tuple[int, int],
    classes: tuple[str, ...] = (),
    masks: bool = False,
    **options: Any,
) -> AnnotatedImages:
    """The objects of `root/Annotations/*.xml`, or of those that `ImageSets/Main/<split>.txt` lists.

    Classes are VOC's 20 where they suffice, else the names that occur, sorted. `masks` come from
    `SegmentationObject`, of which only the pictures are taken that have one. `options` are those
    of `AnnotatedImages`.
    """
    root = Path(root)
    names = list_names(root, split, "Segmentation" if masks else "Main")
    roots = [(name, read_xml(root / "Annotations" / f"{name}.xml")) for name in names]
    found = {text(o, "name", n) for n, r in roots for o in r.findall("object")}
    classes = classes or (CLASSES if found <= set(CLASSES) else tuple(sorted(found)))
    strangers = sorted(found - set(classes))
    if strangers:
        raise DataError(f"{root}: classes {strangers[:5]} are not among {classes[:9]}")
    place = {name: i for i, name in enumerate(classes)}
    pictures = [
        boxed(root, name, number, element, place, masks)
        for number, (name, element) in enumerate(roots)
    ]
    who = f"{root} {split}".strip()
    return AnnotatedImages(who, pictures, classes, image_size=image_size, **options)


def list_names(root: Path, split: str, kind: str) -> list[str]:
    """The names of pictures, from the split's file or from all annotations."""
    if not (root / "Annotations").is_dir():
        raise DataError(
            f"{root} has no folder Annotations; give the folder that holds it (VOC2007)"
        )
    if not split:
        names = sorted(path.stem for path in (root / "Annotations").glob("*.xml"))
        own = "SegmentationObject"
        names = [n for n in names if kind == "Main" or (root / own / f"{n}.png").is_file()]
    else:
        file = root / "ImageSets" / kind / f"{split}.txt"
        if not file.is_file():
            known = sorted(p.stem for p in file.parent.glob("*.txt") if "_" not in p.stem)
            raise DataError(f"{root} has no split {split!r}; it has {', '.join(known) or 'none'}")
        names = [line.split()[0] for line in file.read_text().splitlines() if line.strip()]
    for name in names:
        if Path(name).name != name or name in (".", ".."):
            raise DataError(f"{root}: {name!r} is no name of a picture")
    if not names:
        raise DataError(f"{root} lists no pictures {f'in {split!r}' if split else ''}".strip())
    return names


def boxed(
    root: Path, name: str, number: int, element: Element, place: dict[str, int], masks: bool
) -> AnnotatedImage:
    """One picture with its objects. VOC counts pixels from 1 and includes the last."""
    objects = element.findall("object")
    corners = [
        [value(o, f"bndbox/{c}", name) for c in ("xmin", "ymin", "xmax", "ymax")] for o in objects
    ]
    boxes = np.array(corners, np.float64).reshape(-1, 4) - [1, 1, 0, 0]
    shape = (int(value(element, "size/height", name)), int(value(element, "size/width", name)))
    segments = root / "SegmentationObject" / f"{name}.png"
    return AnnotatedImage(
        name=name,
        file=root / "JPEGImages" / (element.findtext("filename") or f"{name}.jpg").split("/")[-1],
        shape=shape,
        boxes=boxes,
        labels=np.array([place[text(o, "name", name)] for o in objects], np.int32),
        difficult=np.array(
            [(o.findtext("difficult") or "0").strip() == "1" for o in objects], bool
        ),
        number=number,
        masks=partial(object_masks, segments) if masks else None,
    )


def object_masks(file: Path, chosen: Sequence[int], shape: tuple[int, int]) -> Host:
    """The masks of the chosen objects: in the file, object i has the value i + 1."""
    numbers = read_segmentation(file)
    if numbers.shape != tuple(shape):
        raise DataError(f"{file} is {numbers.shape}, its picture {shape}")
    return np.array([numbers == i + 1 for i in chosen], bool).reshape(-1, *shape)


def read_segmentation(file: Path) -> Host:
    """A segmentation's class or object numbers, 255 where none counts: `(H, W)` uint8."""
    try:
        with Image.open(file, formats=["PNG"]) as image:
            if image.mode not in ("P", "L"):
                raise DataError(f"{file} must be a picture of numbers (palette), got {image.mode}")
            return np.asarray(image, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise (
            error if isinstance(error, DataError) else DataError(f"{file}: {reason(error)}")
        ) from None


def text(element: Element, path: str, name: str) -> str:
    """The text below an element. Raises DataError, naming the picture, where there is none."""
    found = (element.findtext(path) or "").strip()
    if not found:
        raise DataError(f"annotation of {name}: {element.tag}/{path} is missing")
    return found


def value(element: Element, path: str, name: str) -> float:
    """The number below an element."""
    found = text(element, path, name)
    try:
        return float(found)
    except ValueError:
        raise DataError(f"annotation of {name}: {path} {found!r} is not a number") from None
