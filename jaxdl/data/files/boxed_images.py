"""Pictures with boxes, whatever file format told of them, as rows of fixed shape."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import BoxCheck, clip_boxes, pad_objects
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, quick_faults
from jaxdl.data.images.letterbox import letterbox, letterbox_masks, letterbox_scale
from jaxdl.data.source import Source
from jaxdl.typing import Host


@dataclass(frozen=True)
class AnnotatedImage:
    """What is known of one picture, n objects, in its own pixels."""

    name: str
    file: Path
    shape: tuple[int, int]
    boxes: Host  # (n, 4) x1, y1, x2, y2
    labels: Host  # (n,) int32
    difficult: Host  # (n,) bool: a crowd, or too hard to count as missed
    number: int = 0
    masks: Callable[[Sequence[int]], Host] | None = None  # of these objects -> (n, H, W) bool
    points: Mapping[str, Host] = field(default_factory=dict)  # points (n, K, 2), visible (n, K)

    def of(self, objects: Host) -> "AnnotatedImage":
        """The same picture with these objects only."""
        masks, rows = self.masks, np.flatnonzero(objects).tolist()
        return replace(
            self,
            boxes=self.boxes[rows],
            labels=self.labels[rows],
            difficult=self.difficult[rows],
            points={name: value[rows] for name, value in self.points.items()},
            masks=None if masks is None else lambda chosen: masks([rows[i] for i in chosen]),
        )


class AnnotatedImages(Source):
    """Pictures with their objects, N a picture at most. A row:

    `image` `(H, W, 3)` uint8, upper left in `image_size`; `boxes` `(N, 4)` float32, `labels` `(N,)`
    int32, `difficult` `(N,)` bool, `kept` `(N,)` bool (False is padding), `scale` `(2,)` float32:
    what x and y were multiplied by; `image_id` int32; where the source has them and they are
    asked for, `masks` `(N, H, W)` bool, `points` `(N, K, 2)` float32 and `visible` `(N, K)` bool.

    Unusable boxes are dropped and counted in `check.dropped`; unreadable images are left out, or,
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
    ):
        """`most` N (default: the largest number in the set); `empty`: with pictures of no object.

        `keep_shape`: without it, pictures are stretched to `image_size`.
        """
        self.classes = classes
        self.image_size = image_size
        self.keep_shape = keep_shape
        self.check = BoxCheck(who, fraction=box_budget)
        self.skipped = BadFileBudget(who, len(pictures), fraction=budget)
        faults = quick_faults(picture.file for picture in pictures)
        self.skipped.rows = [(p.name, why) for p, why in zip(pictures, faults, strict=True) if why]
        self.skipped.check()
        good = [p for p, why in zip(pictures, faults, strict=True) if not why]
        good = [p.of(self.check.good(p.name, p.boxes, p.shape)) for p in good]
        self.check.finish()
        self.pictures = [p for p in good if empty or len(p.boxes)]
        if not self.pictures:
            raise DataError(f"{who}: no pictures are left")
        largest = max(len(p.boxes) for p in self.pictures)
        self.most = most if most is not None else max(largest, 1)

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
        if image.shape[:2] != picture.shape:
            raise DataError(
                f"image {picture.name} is {image.shape[0]}x{image.shape[1]}, but its annotations "
                f"are for {picture.shape[0]}x{picture.shape[1]}"
            )
        scale = letterbox_scale(picture.shape, self.image_size, keep_shape=self.keep_shape)
        boxes = clip_boxes(picture.boxes, picture.shape) * np.tile(scale, 2)
        objects = {
            "boxes": boxes.astype(np.float32),
            "labels": picture.labels,
            "difficult": picture.difficult,
            "object": np.arange(len(boxes)),
        }
        if picture.points:
            objects["points"] = (picture.points["points"] * scale).astype(np.float32)
            objects["visible"] = picture.points["visible"]
        made = pad_objects(objects, self.most)
        chosen = made.pop("object")[made["kept"]].tolist()
        if picture.masks is not None:
            masks = picture.masks(chosen)
            made["masks"] = np.zeros((self.most, *self.image_size), bool)
            made["masks"][: len(chosen)] = letterbox_masks(
                masks, self.image_size, keep_shape=self.keep_shape
            )
        made["image"] = letterbox(image, self.image_size, keep_shape=self.keep_shape)
        made["scale"] = scale
        made["image_id"] = np.asarray(picture.number, np.int32)
        return made
