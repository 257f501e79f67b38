"""COCO-json with its images: boxes, masks and keypoints."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.files.coco_masks import decode_mask
from jaxdl.typing import Host

Annotation = Mapping[str, Any]


def read_coco(
    annotations: Path | str,
    images: Path | str,
    *,
    image_size: tuple[int, int],
    masks: bool = False,
    keypoints: bool = False,
    **options: Any,
) -> AnnotatedImages:
    """The objects of a COCO-json file; classes in the order of their category ids.

    `options` are those of `AnnotatedImages`. A crowd is `difficult`.
    """
    content, named = load_coco(Path(annotations), Path(images))
    categories = sorted(content.get("categories", []), key=lambda c: c["id"])
    if not categories:
        raise DataError(f"{annotations} has no categories")
    place = {c["id"]: i for i, c in enumerate(categories)}
    objects: dict[int, list[Annotation]] = defaultdict(list)
    for annotation in content.get("annotations", []):
        check_annotation(annotations, annotation, named, place)
        objects[annotation["image_id"]].append(annotation)
    joints = max((len(c.get("keypoints", ())) for c in categories), default=0)
    if keypoints and not joints:
        raise DataError(f"{annotations}: no category has keypoints")
    pictures = [
        boxed(info, Path(images), objects[number], place, masks, joints if keypoints else 0)
        for number, info in named.items()
    ]
    classes = tuple(str(c["name"]) for c in categories)
    return AnnotatedImages(str(annotations), pictures, classes, image_size=image_size, **options)


def load_coco(file: Path, images: Path) -> tuple[dict[str, Any], dict[int, Annotation]]:
    """The file's content, and its images by their ids, in the order of the ids."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no JSON file that can be read: {error}") from None
    if not isinstance(content, dict) or not content.get("images"):
        raise DataError(f"{file} has no list of images; COCO-json has images and annotations")
    if not images.is_dir():
        raise DataError(f"there is no folder of images {images}")
    named: dict[int, Annotation] = {}
    for info in content["images"]:
        missing = {"id", "file_name", "height", "width"} - set(info)
        if missing:
            raise DataError(f"{file}: image {info.get('id')} has no {sorted(missing)}")
        path = Path(info["file_name"])
        if path.is_absolute() or ".." in path.parts or "\0" in info["file_name"]:
            raise DataError(f"{file}: image {info['id']}: {str(path)!r} leaves {images}")
        named[info["id"]] = info
    return content, dict(sorted(named.items()))


def check_annotation(
    file: Path | str, annotation: Annotation, named: Mapping[int, Any], place: Mapping[int, int]
) -> None:
    """Raises DataError unless the annotation has a box of a known image and category."""
    who = f"{file}: annotation {annotation.get('id')}"
    if annotation.get("image_id") not in named:
        raise DataError(f"{who}: there is no image {annotation.get('image_id')}")
    if annotation.get("category_id") not in place:
        raise DataError(f"{who}: there is no category {annotation.get('category_id')}")
    if len(annotation.get("bbox", ())) != 4:
        raise DataError(f"{who}: its bbox must be x, y, width, height")


def boxed(
    info: Annotation,
    images: Path,
    objects: Sequence[Annotation],
    place: Mapping[int, int],
    masks: bool,
    joints: int,
) -> AnnotatedImage:
    """One image with its objects."""
    corners = np.array([a["bbox"] for a in objects], np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    shape = (int(info["height"]), int(info["width"]))
    segments = [a.get("segmentation") or [] for a in objects]
    return AnnotatedImage(
        name=f"{info['id']} ({info['file_name']})",
        file=images / info["file_name"],
        shape=shape,
        boxes=corners,
        labels=np.array([place[a["category_id"]] for a in objects], np.int32),
        difficult=np.array([bool(a.get("iscrowd", 0)) for a in objects], bool),
        number=int(info["id"]),
        masks=partial(draw_masks, segments, shape) if masks else None,
        points=joints_of(objects, joints) if joints else {},
    )


def draw_masks(segments: Sequence[Any], shape: tuple[int, int], chosen: Sequence[int]) -> Host:
    """The masks of the chosen objects: `(n, H, W)` bool."""
    drawn = [decode_mask(segments[i], shape) for i in chosen]
    return np.stack(drawn) if drawn else np.zeros((0, *shape), bool)


def joints_of(objects: Sequence[Annotation], joints: int) -> dict[str, Host]:
    """Keypoints `x, y, v` of each object: `points` `(n, K, 2)`, the pixels' centers, `visible`.

    v is 0 for a point that is not labeled, 1 for one that is hidden, 2 for one that is seen.
    """
    flat = [a.get("keypoints") or [0] * 3 * joints for a in objects]
    table = np.zeros((len(objects), joints, 3))
    for row, numbers in zip(table, flat, strict=True):
        row[: len(numbers) // 3] = np.reshape(numbers, (-1, 3))
    labeled = table[..., 2] > 0
    return {"points": (table[..., :2] + 0.5) * labeled[..., None], "visible": labeled}
