"""Pictures with boxes, whatever file format told of them, as rows of fixed shape."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import NO_AREA, BoxCheck, clip_boxes, pad_objects
from jaxdl.data.images.decode import (
    BadFileBudget,
    ImageHead,
    UnreadableImage,
    decode_image,
    read_heads,
)
from jaxdl.data.images.letterbox import letterbox, letterbox_masks, letterbox_scale
from jaxdl.data.images.orientation import turn_boxes, turn_pixels, turn_points, turn_shape
from jaxdl.data.notes import Notes, name_some
from jaxdl.data.point_checks import PointCheck
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.source import Source
from jaxdl.typing import Host


def no_faults(_: tuple[int, int]) -> Sequence[str]:
    """Of a picture whose objects have none."""
    return ()


@dataclass(frozen=True)
class AnnotatedImage:
    """What annotations say of one picture, n objects, in pixels of `shape`."""

    name: str
    file: Path
    shape: tuple[int, int] | None  # height and width; None where they are not said
    boxes: Host  # (n, 4) x1, y1, x2, y2
    labels: Host  # (n,) int32
    difficult: Host  # (n,) bool: a crowd, or too hard to count as missed
    crowd: Host | None = None  # (n,) bool, many in one box; None: none is
    areas: Host | None = None  # (n,) as annotated, -1 where they are not; None: nowhere
    number: int = 0
    # Of these objects, for a picture (H, W) -> (n, H, W) bool.
    masks: Callable[[Sequence[int], tuple[int, int]], Host] | None = None
    points: Mapping[str, Host] = field(default_factory=dict)  # points (n, K, 2), visible (n, K)
    objects: tuple[str, ...] = ()  # names of the objects in messages
    # What makes each object of a picture (H, W) useless, "" if nothing does.
    faults: Callable[[tuple[int, int]], Sequence[str]] = no_faults
    orientation: int = 1  # of the picture as people see it, where `shape` is the stored one's

    def of(self, objects: Host) -> "AnnotatedImage":
        """The same picture with these objects only."""
        masks, rows = self.masks, np.flatnonzero(objects).tolist()
        return replace(
            self,
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            difficult=self.difficult[rows],
            crowd=None if self.crowd is None else self.crowd[rows],
            areas=None if self.areas is None else self.areas[rows],
            points={name: value[rows] for name, value in self.points.items()},
            masks=None if masks is None else lambda own, s: masks([rows[i] for i in own], s),
            objects=tuple(self.objects[i] for i in rows) if self.objects else (),
        )

    def fitted(self, head: ImageHead) -> "AnnotatedImage | str":
        """With the size and turn of its file; or why its annotations are not of that.

        Annotation tools show a picture turned as its EXIF says, and write what was drawn in its
        pixels as seen; the few that do not also write the stored size, by which they are known.
        """
        if self.shape in (None, head.shape):
            return replace(self, shape=head.shape)
        if self.shape == turn_shape(head.shape, head.orientation):
            return replace(self, orientation=head.orientation)
        said, is_ = (f"{height}x{width}" for height, width in (self.shape, head.shape))
        return f"its annotations are for {said} (height x width), the picture is {is_}"


class AnnotatedImages(Source):
    """Pictures with their objects, N a picture at most. A row:

    `image` `(H, W, 3)` uint8, upper left in `image_size`; `boxes` `(N, 4)` float32, `labels` `(N,)`
    int32, `difficult` and `crowd` `(N,)` bool, `areas` `(N,)` float32 (as annotated, in pixels of
    the file, -1 where they are not), `kept` `(N,)` bool (False is padding), `scale` `(2,)` float32:
    what x and y were multiplied by; `image_id` int32; where the source has them and they are
    asked for, `masks` `(N, H, W)` bool, `points` `(N, K, 2)` float32 and `visible` `(N, K)` bool.

    Unusable boxes are dropped and counted in `check.dropped`, keypoints outside their pictures are
    no longer visible, and counted in `notes`; unreadable images are left out, or,
    where that shows only on reading, replaced by the next, and stand in `skipped`.
    """

    def __init__(
        self,
        who: str,
        pictures: Sequence[AnnotatedImage],
        classes: tuple[str, ...],
        *,
        image_size: tuple[int, int],
        keep_shape: bool = True,
        most: int | None = None,
        empty: bool = True,
        budget: float = 0.001,
        box_budget: float = 0.01,
        notes: Notes | None = None,
        skeleton: Skeleton | None = None,
    ):
        """`most` N (default: the largest number in the set); `empty`: with pictures of no object.

        `notes`: what is to be said of the rows beside what is found here.
        `keep_shape`: without it, pictures are stretched to `image_size`; `skeleton`: of `points`.
        """
        self.classes = classes
        self.image_size = image_size
        self.keep_shape = keep_shape
        self.skeleton = skeleton
        self.check = BoxCheck(who, fraction=box_budget)
        self.skipped = BadFileBudget(who, len(pictures), fraction=budget)
        self.notes = notes or Notes()
        self.points = PointCheck(who, self.notes, fraction=box_budget)
        good = self.usable(pictures)
        self.check.finish()
        self.points.finish()
        self.pictures = [p for p in good if empty or len(p.boxes)]
        if not self.pictures:
            raise DataError(f"{who}: no pictures are left")
        largest = max(len(p.boxes) for p in self.pictures)
        self.most = most if most is not None else max(largest, 1)
        crowded = [p.name for p in self.pictures if len(p.boxes) > self.most]
        if crowded:
            self.notes.taken.append(
                f"pictures of more than {self.most} objects, of which the largest stay: "
                f"{len(crowded)} {name_some(crowded)}"
            )

    def usable(self, pictures: Sequence[AnnotatedImage]) -> list[AnnotatedImage]:
        """The pictures that can be read, with the objects that can be used; the rest is counted."""
        good: list[AnnotatedImage] = []
        heads = read_heads(picture.file for picture in pictures)
        for picture, head in zip(pictures, heads, strict=True):
            fitted = head.fault or picture.fitted(head)
            if isinstance(fitted, str):
                self.skipped.rows.append((picture.name, fitted))
                continue
            assert fitted.shape is not None, "the head's"
            known, names = fitted.faults(fitted.shape), fitted.objects
            boxes = fitted.boxes
            kept = self.check.good(fitted.name, boxes, fitted.shape, objects=names, known=known)
            good.append(self.with_points_inside(fitted.of(kept)))
        self.skipped.check()
        unsized = sum(p.shape is None for p in pictures)
        if unsized:
            self.notes.taken.append(
                f"pictures of no said size, which have that of their files: {unsized}"
            )
        turned = sum(p.orientation != 1 for p in good)
        if turned:
            self.notes.taken.append(
                f"pictures annotated as stored, whose objects turn with them (EXIF): {turned}"
            )
        return good

    def with_points_inside(self, picture: AnnotatedImage) -> AnnotatedImage:
        """The same picture without the keypoints that lie outside it, which are counted."""
        if not picture.points or picture.shape is None:
            return picture
        own, names = picture.points, picture.objects
        inside = self.points.good(
            picture.name, own["points"], own["visible"], picture.shape, objects=names
        )
        return replace(picture, points=inside)

    def check_objects(self) -> None:
        """Raises DataError where no picture has an object: any model would be right about them."""
        if not any(len(p.boxes) for p in self.pictures):
            raise DataError(
                f"{self.check.who}: none of {len(self)} pictures has an object to learn"
            )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.pictures))[index]
        for i in range(len(self.pictures)):
            picture = self.pictures[(start + i) % len(self.pictures)]
            try:
                return self.row(picture, decode_image(picture.file))
            except UnreadableImage as error:
                self.skipped.add(picture.name, str(error).removeprefix(f"{picture.file}: "))
        raise DataError("no picture can be read")

    def row(self, picture: AnnotatedImage, image: Host) -> dict[str, Host]:
        """The picture and its objects at the set's size, padded."""
        height, width, _ = image.shape
        annotated, seen, turn = picture.shape, (height, width), picture.orientation
        assert annotated is not None, "all pictures are fitted"
        if seen != turn_shape(annotated, turn):
            raise DataError(f"image {picture.name} is {seen}, but it was {annotated} at first")
        scale = letterbox_scale(seen, self.image_size, keep_shape=self.keep_shape)
        boxes = clip_boxes(turn_boxes(picture.boxes, seen, turn), seen) * np.tile(scale, 2)
        objects = {
            "boxes": boxes.astype(np.float32),
            "labels": picture.labels,
            "difficult": picture.difficult,
            "crowd": _or_all(picture.crowd, 0, len(boxes)).astype(bool),
            "areas": _or_all(picture.areas, NO_AREA, len(boxes)).astype(np.float32),
            "object": np.arange(len(boxes)),
        }
        if picture.points:
            points, visible = picture.points["points"], picture.points["visible"]
            points = turn_points(points, seen, turn) * visible[..., None]
            objects["points"] = (points * scale).astype(np.float32)
            objects["visible"] = visible
        made = pad_objects(objects, self.most)
        chosen = made.pop("object")[made["kept"]].tolist()
        if picture.masks is not None:
            masks = turn_pixels(picture.masks(chosen, annotated), turn, axis=1)
            made["masks"] = np.zeros((self.most, *self.image_size), bool)
            made["masks"][: len(chosen)] = letterbox_masks(
                masks, self.image_size, keep_shape=self.keep_shape
            )
        made["image"] = letterbox(image, self.image_size, keep_shape=self.keep_shape)
        made["scale"] = scale
        made["image_id"] = np.asarray(picture.number, np.int32)
        return made


def _or_all(values: Host | None, value: float, count: int) -> Host:
    return np.full(count, value) if values is None else values
