"""Pictures with a class for each pixel, from the data set to what a network is trained on."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.masks.label_map import VOID
from jaxdl.data.splits.split import Split
from jaxdl.ops.augment.color import color_jitter
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.geometry import draw_resized_crop, draw_rotation, warp_masks
from jaxdl.ops.resize import resize_windows, sample_affine
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.typing import Array, Batch, Key, Prepare

FIELDS = ("image", "segments")


@dataclass(frozen=True)
class SegmentImageConfig:
    """What happens to a picture and its classes between the data set and the model."""

    mean: tuple[float, ...] = (0.5,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (0.25,)
    """What they are divided by then."""
    window: tuple[int, ...] = ()
    """Training: height and width of what is cut out at random (default: the whole picture)."""
    area: tuple[float, float] = (1.0, 1.0)
    """Training: least and largest part of the picture's area that a window shows, at its size."""
    flip: bool = False
    """Training: mirror every other picture."""
    rotate: float = 0.0
    """Training: turn by an angle of up to so many degrees to either side; void comes in."""
    jitter: float = 0.0
    """Training: strength of changes of brightness, contrast and saturation."""

    def __post_init__(self) -> None:
        low, high = self.area
        if not 0 < low <= high <= 1:
            raise UsageError(f"image.area must rise within (0, 1], got {self.area}")
        if len(self.window) not in (0, 2) or any(side < 1 for side in self.window):
            raise UsageError(f"image.window must be a height and a width, got {self.window}")
        if self.rotate < 0 or self.jitter < 0 or any(s <= 0 for s in self.std):
            raise UsageError(
                "image.rotate and image.jitter must be >= 0, image.std > 0, got "
                f"{self.rotate}, {self.jitter}, {self.std}"
            )


def load_segments(cfg: DataConfig) -> dict[str, Split]:
    """The splits of a set of pictures with a class for each pixel: `image` and `segments`.

    Raises DataError where the set has none, or numbers that are no class, before anything compiles.
    """
    splits = load_splits(cfg, fields=FIELDS)
    for role, split in splits.items():
        held = split.resident() or split.batch(np.arange(min(split.size, split.batch_size)))
        segments = np.asarray(held["segments"])
        bad = segments[(segments >= len(split.classes)) & (segments != VOID)]
        if bad.size:
            raise DataError(
                f"{role} split: classes of pixels must lie in 0..{len(split.classes) - 1} or be "
                f"{VOID} (void), got {bad[0]} ({bad.size} such pixels)"
            )
        if not (segments != VOID).any():
            raise DataError(f"{role} split: no pixel has a class; all are void")
    return splits


def prepare_segments(cfg: SegmentImageConfig) -> Prepare:
    """`image` `(B, H, W, C)` uint8 becomes float32; `segments` `(B, H, W)` move with it.

    Where a move brings in what was outside of the picture, they are void.
    """

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image, moved = to_float(batch["image"]), dict(batch)
        if train:
            image, moved["segments"] = augment(cfg, keys, image, batch["segments"])
        return {**moved, "image": normalize(image, cfg.mean, cfg.std)}

    return prepare


def augment(
    cfg: SegmentImageConfig, keys: Key, image: Array, segments: Array
) -> tuple[Array, Array]:
    """Pictures in [0, 1] and their classes after the moves and colors that `cfg` asks for."""
    size = (image.shape[1], image.shape[2])
    turn, cut, color = split_rows(keys, 3)
    if cfg.rotate:
        matrix = draw_rotation(turn, size, degrees=cfg.rotate)
        image = sample_affine(image, matrix, size)
        segments = warp_masks(matrix, segments, size, fill=VOID)
    window = (cfg.window[0], cfg.window[1]) if cfg.window else size
    if cfg.window or cfg.flip or cfg.area != (1.0, 1.0):
        ratio = window[1] / window[0]
        windows = draw_resized_crop(
            cut,
            size,
            scale=cfg.area,
            ratio=(ratio, ratio),
            flip_probability=0.5 * cfg.flip,
        )
        image = resize_windows(image, windows, window, antialias=True)
        planes = resize_windows(segments[..., None], windows, window, method="nearest")
        segments = planes[..., 0]
    if cfg.jitter:
        strength = cfg.jitter
        image = color_jitter(
            color, image, brightness=strength, contrast=strength, saturation=strength
        )
    return jnp.clip(image, 0, 1), segments
