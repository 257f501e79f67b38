"""uint8 images -> normalized, augmented float32 on the device: `prepare` of image experiments."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.ops.augment.crop_flip import random_crop_flip, split_rows
from jaxdl.ops.augment.geometry import random_rotation
from jaxdl.ops.augment.mix import cutmix, cutout, mixup
from jaxdl.typing import Array, Batch, Key, Prepare


@dataclass(frozen=True)
class ImageConfig:
    """What happens to an image between the data set and the model."""

    mean: tuple[float, ...] = (0.0,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (1.0,)
    """What they are divided by then."""
    crop: int = 0
    """Training: pad by so many pixels and cut the size out again at random."""
    flip: bool = False
    """Training: mirror every other image."""

    rotate: float = 0.0
    """Training: turn by an angle of up to so many degrees to either side."""
    cutout: int = 0
    """Training: cover a square of so many pixels per side with the mean."""
    mixup: float = 0.0
    """Training: mix pairs of images and labels, weights from Beta(mixup, mixup)."""
    cutmix: float = 0.0
    """Training: paste a window of one image of a pair into the other, area from Beta as above."""

    def __post_init__(self) -> None:
        for name in ("crop", "rotate", "cutout", "mixup", "cutmix"):
            if getattr(self, name) < 0:
                raise UsageError(f"image.{name} must be >= 0, got {getattr(self, name)}")
        if any(std <= 0 for std in self.std):
            raise UsageError(f"image.std must be > 0, got {self.std}")
        if self.mixup and self.cutmix:
            raise UsageError("image.mixup and image.cutmix exclude each other; give one")


def changed(cfg: ImageConfig) -> list[str]:
    """The names of the options that are not as they are by default."""
    return [f.name for f in fields(cfg) if getattr(cfg, f.name) != f.default]


def to_float(image: Array) -> Array:
    """uint8 -> float32 in [0, 1]."""
    if image.dtype != jnp.uint8:
        raise UsageError(f"image: pixels must be uint8 (0..255), got {image.dtype}")
    return image.astype(jnp.float32) / 255


def normalize(image: Array, mean: Sequence[float], std: Sequence[float]) -> Array:
    """(image - mean) / std of `(..., C)`, one number or one per channel."""
    shape = (1,) * (image.ndim - 1) + (-1,)
    center, spread = (jnp.asarray(v, jnp.float32).reshape(shape) for v in (mean, std))
    return (image - center) / spread


def prepare_images(cfg: ImageConfig, num_classes: int = 0) -> Prepare:
    """`image (B, H, W, C)` uint8 becomes float32, augmented only in training; the rest stays.

    Mixing adds `target (B, num_classes)` to the integer `label`. Rows of a table, `input (B, D)`,
    are given to the model as they are; UsageError where `cfg` asks for more.
    """
    if (cfg.mixup or cfg.cutmix) and not num_classes:
        raise UsageError(
            "image.mixup and image.cutmix need one class a row to mix; leave them at 0"
        )

    def augment(keys: Key, image: Array) -> Array:
        move, turn = split_rows(keys, 2)
        if cfg.crop or cfg.flip:  # on uint8: a quarter of the bytes
            mirrored = 0.5 * cfg.flip
            image = random_crop_flip(move, image, padding=cfg.crop, flip_probability=mirrored)
        image = to_float(image)
        return random_rotation(turn, image, degrees=cfg.rotate) if cfg.rotate else image

    def after(keys: Key, batch: Batch) -> Batch:
        """What is done to normalized images, whose mean is 0."""
        if not (cfg.cutout or cfg.mixup or cfg.cutmix):
            return batch
        hole, mix = split_rows(jax.vmap(jax.random.fold_in, (0, None))(keys, 1), 2)
        image = batch["image"]
        image = cutout(hole, image, size=cfg.cutout) if cfg.cutout else image
        if not (cfg.mixup or cfg.cutmix):
            return {**batch, "image": image}
        blend = partial(mixup, alpha=cfg.mixup) if cfg.mixup else partial(cutmix, alpha=cfg.cutmix)
        image, target = blend(mix, image, batch["label"], num_classes=num_classes)
        return {**batch, "image": image, "target": target}

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if "image" not in batch:  # rows of a table: numbers, for models that take vectors
            if cfg != ImageConfig():
                raise UsageError(
                    f"image.{', image.'.join(changed(cfg))}: the data has no images, but rows of "
                    "numbers; leave it out (data.standardize brings tables to one scale)"
                )
            return {**batch, "image": batch["input"]}
        image = augment(keys, batch["image"]) if train else to_float(batch["image"])
        batch = {**batch, "image": normalize(image, cfg.mean, cfg.std)}
        return after(keys, batch) if train else batch

    return prepare
