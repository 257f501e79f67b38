"""uint8 images -> normalised, augmented float32 on the device: `prepare` of image experiments."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.ops.augment import random_crop_flip
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

    def __post_init__(self) -> None:
        if self.crop < 0 or any(s <= 0 for s in self.std):
            raise UsageError(
                f"image: crop must be >= 0 and std > 0, got {self.crop} and {self.std}"
            )


def to_float(image: Array) -> Array:
    """uint8 -> float32 in [0, 1]."""
    if image.dtype != jnp.uint8:
        raise UsageError(f"image: pixels must be uint8 (0..255), got {image.dtype}")
    return image.astype(jnp.float32) / 255


def prepare_images(cfg: ImageConfig) -> Prepare:
    """`image (B, H, W, C)` uint8 becomes float32, augmented only in training; the rest stays."""
    mean, std = jnp.asarray(cfg.mean, jnp.float32), jnp.asarray(cfg.std, jnp.float32)

    def prepare(keys: Key, batch: Batch, train: bool) -> Batch:
        image = batch["image"]
        if train and (cfg.crop or cfg.flip):  # on uint8: a quarter of the bytes
            mirrored = 0.5 * cfg.flip
            image = random_crop_flip(keys, image, padding=cfg.crop, flip_probability=mirrored)
        return {**batch, "image": (to_float(image) - mean) / std}

    return prepare
