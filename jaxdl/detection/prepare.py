"""Pictures with boxes, from the data set to what a detector is trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.annotations import object_fields
from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.ops.augment.crop_flip import random_crop_flip
from jaxdl.ops.augment.geometry import (
    crop_matrix,
    draw_resized_crop,
    is_mirrored,
    sample_crop_flip_matrix,
    warp_boxes,
    warp_points,
)
from jaxdl.ops.boxes.geometry import clip_to_image, usable_boxes
from jaxdl.ops.resize import resize_windows
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.typing import Array, Batch, Key, Prepare

FIELDS = ("image", "boxes", "labels", "kept")


@dataclass(frozen=True)
class BoxImageConfig:
    """What happens to a picture and its boxes between the data set and the model."""

    mean: tuple[float, ...] = (0.5,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (0.25,)
    """What they are divided by then."""
    crop: int = 0
    """Training: pad by so many pixels and cut the size out again at random."""
    flip: bool = False
    """Training: mirror every other picture."""
    zoom: float = 1.0
    """Training: show a window of at least this part of the area, at the full size."""

    def __post_init__(self) -> None:
        if self.crop < 0 or not 0 < self.zoom <= 1:
            raise UsageError(
                f"image.crop must be >= 0 and image.zoom in (0, 1], got {self.crop}, {self.zoom}"
            )
        if self.crop and self.zoom < 1:
            raise UsageError("image.crop and image.zoom both move the picture; set one of them")


def load_boxes(cfg: DataConfig) -> dict[str, Split]:
    """The splits of a set of pictures with boxes: `image`, `boxes`, `labels`, `kept`, and, where
    the set has them, `difficult`, `crowd`, `areas` and `scale`; of `data.annotations` = masks also
    `masks` `(N, H, W)` bool, of keypoints `points` `(N, P, 2)` and `visible` `(N, P)` bool.

    Raises DataError for a label that is no class, before anything compiles.
    """
    more = () if isinstance(cfg, ShapesData) else ("difficult", "crowd", "areas", "scale")
    parts = object_fields(getattr(cfg, "annotations", ""))
    splits = load_splits(cfg, fields=(*FIELDS, *more, *parts))
    for role, split in splits.items():
        held = split.resident() or split.batch(np.arange(min(split.size, split.batch_size)))
        labels = np.asarray(held["labels"])[np.asarray(held["kept"])]
        bad = labels[(labels < 0) | (labels >= len(split.classes))]
        if len(bad):
            raise DataError(
                f"{role} split: labels of boxes must lie in 0..{len(split.classes) - 1}, got "
                f"{bad[0]} ({len(bad)} such boxes)"
            )
    return splits


def prepare_boxes(cfg: BoxImageConfig, mirrored: Sequence[int] = ()) -> Prepare:
    """`image` `(B, H, W, C)` uint8 becomes float32; boxes move along, and are cut at its edges.

    So do `proposals` `(B, P, 4)`, `proposed` `(B, P)`, `masks` and `points`, `visible`, where the
    batch has them. A box that is not finite or has no area left is no longer `kept`, nor is, in
    training, one whose mask has no pixel left; a point that is not finite or outside the picture is
    no longer `visible`. In a mirror image point i is what was `mirrored[i]` (see `Skeleton`).
    `draw` `(B, 2)` uint32 is a row's own key, for what a detector samples.
    """

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image, moved = batch["image"], dict(batch)
        size = (image.shape[1], image.shape[2])
        # Before a move turns an inverted box round, or the picture's edge cuts infinity.
        for boxes, kept in pairs_in(batch):
            moved[kept] = batch[kept] & usable_boxes(batch[boxes])
        if train:
            image, move = augment(cfg, keys, image)
            if move is not None:
                moved = move_objects(move, moved, size, mirrored)
        if train and "masks" in batch:
            moved["kept"] = moved["kept"] & moved["masks"].any(axis=(2, 3))
        for boxes, kept in pairs_in(batch):
            moved[boxes], moved[kept] = clean_boxes(moved[boxes], moved[kept], size)
        if "points" in batch:
            points = moved["points"], moved["visible"] & moved["kept"][..., None]
            moved["points"], moved["visible"] = clean_points(*points, size)
        draw = jax.random.key_data(jax.vmap(lambda key: jax.random.fold_in(key, 7))(keys))
        pixels = to_float(image) if image.dtype == jnp.uint8 else image
        return {**moved, "image": normalize(pixels, cfg.mean, cfg.std), "draw": draw}

    return prepare


class Move(NamedTuple):
    """What augmentation does to a batch: as a matrix `(B, 2, 3)`, and to masks `(B, H, W, N)`."""

    matrix: Array
    planes: Callable[[Array], Array]


def move_objects(
    move: Move, batch: Batch, size: tuple[int, int], mirrored: Sequence[int]
) -> dict[str, Array]:
    """The boxes, masks and points of a batch where the picture has gone."""
    moved = dict(batch)
    for boxes, kept in pairs_in(batch):
        moved[boxes], moved[kept] = warp_boxes(move.matrix, batch[boxes], batch[kept], size)
    if "masks" in batch:
        moved["masks"] = jnp.moveaxis(move.planes(jnp.moveaxis(batch["masks"], 1, -1)), -1, 1)
    if "points" in batch:
        points, visible = warp_points(move.matrix, batch["points"], batch["visible"], size)
        if mirrored:
            swap = is_mirrored(move.matrix)[:, None, None]
            order = jnp.array(mirrored)
            points = jnp.where(swap[..., None], points[:, :, order], points)
            visible = jnp.where(swap, visible[:, :, order], visible)
        moved["points"], moved["visible"] = points, visible
    return moved


def pairs_in(batch: Batch) -> list[tuple[str, str]]:
    """The names of boxes, and of what says which are real, that a batch has."""
    return [pair for pair in (("boxes", "kept"), ("proposals", "proposed")) if pair[0] in batch]


def augment(cfg: BoxImageConfig, keys: Key, image: Array) -> tuple[Array, Move | None]:
    """Pictures after the move that `cfg` asks for, and the move; None if there is none.

    A zoom gives floats in [0, 1], all else uint8.
    """
    size, chance = (image.shape[1], image.shape[2]), 0.5 * cfg.flip
    if cfg.zoom < 1:
        scale = (cfg.zoom, 1.0)
        windows = draw_resized_crop(keys, size, scale=scale, flip_probability=chance)
        shown = partial(resize_windows, windows=windows, size=size)
        planes = partial(shown, method="nearest")
        return shown(to_float(image), antialias=True), Move(crop_matrix(windows, size), planes)
    if cfg.crop or cfg.flip:
        options: dict[str, Any] = {"padding": cfg.crop, "flip_probability": chance}
        planes = partial(random_crop_flip, keys, **options)
        return planes(image), Move(sample_crop_flip_matrix(keys, size, **options), planes)
    return image, None


def clean_boxes(boxes: Array, kept: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Boxes `(B, N, 4)` cut at the edges of the picture, and which of them still are boxes."""
    boxes = clip_to_image(boxes, size)
    kept = kept & usable_boxes(boxes)
    return jnp.where(kept[..., None], boxes, 0), kept


def clean_points(points: Array, visible: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Points `(B, N, P, 2)` and which of them lie in the picture; the others are zero."""
    x, y = points[..., 0], points[..., 1]  # a comparison with a NaN is false
    visible = visible & (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0])
    return jnp.where(visible[..., None], points, 0), visible
