"""COCO-json with its images: boxes, masks and keypoints."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import NO_AREA
from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.files.coco_masks import decode_mask, polygon_bounds, segment_fault
from jaxdl.data.files.coco_schema import (
    Annotation,
    Category,
    CocoFile,
    Id,
    ImageEntry,
    as_number,
    number_rows,
    read_id,
    read_numbers,
    read_truth,
    show_value,
)
from jaxdl.data.files.picture_paths import find_pictures
from jaxdl.data.notes import Notes, name_some
from jaxdl.data.skeleton import Skeleton
from jaxdl.typing import Host

NO_BOX = np.full(4, np.nan)
COMPARED = 1000  # boxes with their polygons
APART_PIXELS, APART = 2.0, 0.1  # what a box may be off its polygon, and this share of its side


def read_coco(
    coco: CocoFile,
    images: Path | str,
    *,
    image_size: tuple[int, int],
    masks: bool = False,
    keypoints: bool = False,
    make: Callable[..., AnnotatedImages] = AnnotatedImages,
    **options: Any,
) -> AnnotatedImages:
    """The objects of a COCO-json file; classes in the order of their category ids.

    `make` gives the rows, `options` are those of `AnnotatedImages`. A crowd is `difficult`.
    """
    entries, categories, notes = coco.images(), coco.categories(), Notes()
    objects: dict[Id, list[Annotation]] = defaultdict(list)
    for annotation in coco.annotations(entries):
        if masks and is_bare_crowd(annotation):
            notes.leave_out(annotation.name, "a crowd without a segmentation")
            continue
        objects[annotation.image].append(annotation)
    reader = ObjectReader(str(coco.path), categories, masks, keypoints)
    names = {key: entry.file_name for key, entry in entries.items()}
    files = find_pictures(str(coco.path), Path(images), names, notes)
    numbers = number_rows(entries, notes)
    pictures = [
        reader.picture(entry, files[key], numbers[key], objects[key])
        for key, entry in entries.items()
    ]
    note_classes(categories, pictures, notes)
    note_boxes(list(chain.from_iterable(objects.values())), notes)
    classes = tuple(c.name for c in categories)
    who = str(coco.path)
    if keypoints:
        options["skeleton"] = read_skeleton(categories, notes)
    made = make(who, pictures, classes, image_size=image_size, notes=notes, **options)
    if keypoints and not any(p.points["visible"].any() for p in pictures):
        raise DataError(f"{coco.path}: no annotation has a labeled keypoint")
    return made


def read_area(annotation: Annotation) -> float:
    """Its `area` in square pixels; -1 where there is none, or no number above 0."""
    area = as_number(annotation.fields.get("area"))
    return area if area is not None and 0 < area < np.inf else NO_AREA


def is_bare_crowd(annotation: Annotation) -> bool:
    """Whether it is a crowd of no outline, in which nothing could be learned or ignored."""
    crowd = read_truth(annotation.fields.get("iscrowd")) is True
    return crowd and annotation.fields.get("segmentation") is None


def read_skeleton(categories: Sequence[Category], notes: Notes) -> Skeleton:
    """The keypoints of the category that has most, and the lines between them, counted from 1.

    Lines that are something else are left out, with a doubt: only pictures depend on them.
    """
    richest = max(categories, key=lambda category: category.joints)
    for other in categories:
        if other.joints and other.keypoints != richest.keypoints[: other.joints]:
            notes.doubts.append(
                f"keypoints of {other.name!r} are named otherwise than those of {richest.name!r}, "
                "whose names stand for all: left and right may be wrong in a mirrored picture"
            )
    bones = richest.bones or []
    ends = [read_numbers(bone, 2) for bone in bones] if isinstance(bones, list) else ["no list"]
    known = range(1, richest.joints + 1)
    lines = [end.tolist() for end in ends if not isinstance(end, str)]
    pairs = [(int(a) - 1, int(b) - 1) for a, b in lines if a in known and b in known]
    if len(pairs) < len(ends):
        notes.doubts.append(
            f"the skeleton of {richest.name!r} is not drawn whole: it must be pairs of numbers "
            f"from 1 to {richest.joints}, got {show_value(bones)}"
        )
    return Skeleton(richest.keypoints, tuple(pairs))


def note_classes(
    categories: Sequence[Category], pictures: Sequence[AnnotatedImage], notes: Notes
) -> None:
    """What is odd of classes and pictures without objects, but may be meant."""
    names = Counter(c.name for c in categories)
    for name in [name for name, count in names.items() if count > 1]:
        ids = ", ".join(str(c.id) for c in categories if c.name == name)
        notes.doubts.append(f"the category {name!r} is given twice, with ids {ids}: two classes")
    held = np.concatenate([p.labels for p in pictures])
    used = set(held.tolist())
    unused = [c.name for i, c in enumerate(categories) if i not in used]
    if unused and len(held):
        notes.taken.append(f"categories without an object: {len(unused)} {name_some(unused)}")
    empty = sum(not len(p.boxes) for p in pictures)
    if empty and len(held):
        notes.taken.append(f"{empty} of {len(pictures)} pictures have no objects")


def note_boxes(objects: Sequence[Annotation], notes: Notes) -> None:
    """A doubt where boxes are not around their polygons: corners or centers may be meant."""
    compared, apart = 0, []
    for annotation in objects[:COMPARED]:
        box = read_numbers(annotation.fields.get("bbox"), 4)
        bounds = polygon_bounds(annotation.fields.get("segmentation"))
        if isinstance(box, str) or bounds is None:
            continue
        compared += 1
        x, y, width, height = box
        off = np.abs(np.array([x, y, x + width, y + height]) - bounds).max()
        if off > max(APART_PIXELS, APART * max(width, height)):
            apart.append(annotation.name)
    if len(apart) > APART * compared:
        notes.doubts.append(
            f"{len(apart)} of {compared} boxes are not around their polygons {name_some(apart)}; "
            "bbox is x, y of the upper left corner, width, height"
        )


class ObjectReader:
    """Annotations of a file as objects of its pictures; what is wrong with one stays with it."""

    def __init__(self, who: str, categories: Sequence[Category], masks: bool, keypoints: bool):
        """Raises DataError where keypoints are asked for and no category has them."""
        self.who, self.masks = who, masks
        self.place = {c.id: i for i, c in enumerate(categories)}
        self.most = max(c.joints for c in categories) if keypoints else 0
        self.joints = [c.joints or self.most for c in categories]
        if keypoints and not self.most:
            raise DataError(f"{who}: no category has keypoints")

    def picture(
        self, entry: ImageEntry, file: Path, number: int, objects: Sequence[Annotation]
    ) -> AnnotatedImage:
        """One image with its objects."""
        labels = [self.label(a) for a in objects]
        boxes, faults = self.boxes(objects)
        crowds = [read_truth(a.fields.get("iscrowd")) for a in objects]
        faults = [
            fault or (f"its iscrowd {crowd}" if isinstance(crowd, str) else "")
            for fault, crowd in zip(faults, crowds, strict=True)
        ]
        points = {}
        if self.most:
            points, bad = self.keypoints(objects, labels)
            faults = [fault or more for fault, more in zip(faults, bad, strict=True)]
        segments = [a.fields.get("segmentation") for a in objects]
        return AnnotatedImage(
            name=str(entry),
            file=file,
            shape=entry.shape,
            boxes=boxes,
            labels=np.array(labels, np.int32),
            difficult=np.array([crowd is True for crowd in crowds], bool),
            crowd=np.array([crowd is True for crowd in crowds], bool),
            areas=np.array([read_area(a) for a in objects], np.float64),
            number=number,
            masks=partial(draw_masks, segments) if self.masks else None,
            points=points,
            objects=tuple(a.name for a in objects),
            faults=partial(object_faults, faults, segments if self.masks else ()),
        )

    def label(self, annotation: Annotation) -> int:
        """The class of an annotation. Raises DataError where there is none."""
        who = f"{self.who}: {annotation.name}"
        category = read_id(who, "category_id", annotation.fields)
        if category not in self.place:
            raise DataError(f"{who}: there is no category {category!r}")
        return self.place[category]

    def boxes(self, objects: Sequence[Annotation]) -> tuple[Host, list[str]]:
        """Corners `(n, 4)`, and why one has none."""
        found = [read_numbers(a.fields.get("bbox"), 4) for a in objects]
        faults = [f"its bbox {box}" if isinstance(box, str) else "" for box in found]
        corners = np.array([NO_BOX if isinstance(box, str) else box for box in found])
        corners = corners.reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        return corners, faults

    def keypoints(
        self, objects: Sequence[Annotation], labels: Sequence[int]
    ) -> tuple[dict[str, Host], list[str]]:
        """Keypoints `x, y, v`: `points` `(n, K, 2)`, the pixels' centers, `visible`; and faults.

        v is 0 for a point that is not labeled, 1 for one that is hidden, 2 for one that is seen.
        """
        table, faults = np.zeros((len(objects), self.most, 3)), []
        for row, annotation, label in zip(table, objects, labels, strict=True):
            given = annotation.fields.get("keypoints") or []
            numbers = read_numbers(given, 3 * self.joints[label]) if given else np.zeros(0)
            if isinstance(numbers, str) or not np.isfinite(numbers).all():
                faults.append(f"its keypoints {numbers}")
                continue
            faults.append("")
            row.reshape(-1)[: len(numbers)] = numbers
        labeled = table[..., 2] > 0
        return {"points": (table[..., :2] + 0.5) * labeled[..., None], "visible": labeled}, faults


def object_faults(
    known: Sequence[str], segments: Sequence[Any], shape: tuple[int, int]
) -> Sequence[str]:
    """Why objects of an image (H, W) cannot be used; "" where they can. `segments`: of masks."""
    if not segments:
        return known
    pairs = zip(known, segments, strict=True)
    return [fault or segment_fault(segment, shape) for fault, segment in pairs]


def draw_masks(segments: Sequence[Any], chosen: Sequence[int], shape: tuple[int, int]) -> Host:
    """The masks of the chosen objects: `(n, H, W)` bool."""
    drawn = [decode_mask(segments[i], shape) for i in chosen]
    return np.stack(drawn) if drawn else np.zeros((0, *shape), bool)
