"""uint8 images -> normalised, augmented float32 on the device: `prepare` of image experiments."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.ops.augment import random_crop_flip, split_rows
from jaxdl.ops.augment_geometry import random_rotation
from jaxdl.typing import Array, Batch, Key, Prepare


@dataclass(frozen=True)
class ImageConfig:
    """What happens to an image between the data set and the model."""

    mean: tuple[float, ...] = (0.0,)
    """Subtracted from pixels in [0, 1]; one number, or one a channel."""
    std: tuple[float, ...] = (1.0,)
    """What they are divided by then."""
    crop: int = 0
    """Training: pad by so many pixels and cut the size out again at random."""
    flip: bool = False
    """Training: mirror every other image."""

    rotate: float = 0.0
    """Training: turn by an angle of up to so many degrees to either side."""

    def __post_init__(self) -> None:
        for name in ("crop", "rotate"):
            if getattr(self, name) < 0:
                raise UsageError(f"image.{name} must be >= 0, got {getattr(self, name)}")
        if any(std <= 0 for std in self.std):
            raise UsageError(f"image.std must be > 0, got {self.std}")


def to_float(image: Array) -> Array:
    """uint8 -> float32 in [0, 1]."""
    if image.dtype != jnp.uint8:
        raise UsageError(f"image: pixels must be uint8 (0..255), got {image.dtype}")
    return image.astype(jnp.float32) / 255


def prepare_images(cfg: ImageConfig) -> Prepare:
    """`image (B, H, W, C)` uint8 becomes float32, augmented only in training; the rest stays.

    Rows of a table, `input (B, D)`, are given to the model as they are.
    """
    mean, std = (jnp.asarray(v, jnp.float32).reshape(1, 1, 1, -1) for v in (cfg.mean, cfg.std))

    def augment(keys: Key, image: Array) -> Array:
        move, turn = split_rows(keys, 2)
        if cfg.crop or cfg.flip:  # on uint8: a quarter of the bytes
            mirrored = 0.5 * cfg.flip
            image = random_crop_flip(move, image, padding=cfg.crop, flip_probability=mirrored)
        image = to_float(image)
        return random_rotation(turn, image, degrees=cfg.rotate) if cfg.rotate else image

    def prepare(keys: Key, batch: Batch, train: bool) -> Batch:
        if "image" not in batch:  # rows of a table: numbers, for models that take vectors
            return {**batch, "image": batch["input"]}
        image = augment(keys, batch["image"]) if train else to_float(batch["image"])
        return {**batch, "image": (image - mean) / std}

    return prepare
