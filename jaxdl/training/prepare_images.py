"""uint8 images -> normalized, augmented float32 on the device: `prepare` of image experiments."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.ops.augment.color import color_jitter, pca_lighting
from jaxdl.ops.augment.crop_flip import random_crop_flip, split_rows
from jaxdl.ops.augment.geometry import random_resized_crop, random_rotation
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
    area: tuple[float, float] = (1.0, 1.0)
    """Training: cut a window of a share of the area between these, and resize it (Inception's:
    0.08, 1.0)."""
    jitter: float = 0.0
    """Training: most change of brightness, contrast and saturation of color images."""
    lighting: float = 0.0
    """Training: deviation of AlexNet's noise along the principal colors of ImageNet (its: 0.1)."""
    rotate: float = 0.0
    """Training: turn by an angle of up to so many degrees to either side."""
    cutout: int = 0
    """Training: cover a square of so many pixels per side with the mean."""
    mixup: float = 0.0
    """Training: mix pairs of images and labels, weights from Beta(mixup, mixup)."""
    cutmix: float = 0.0
    """Training: paste a window of one image of a pair into the other, area from Beta as above."""

    def __post_init__(self) -> None:
        for name in ("crop", "rotate", "cutout", "mixup", "cutmix", "jitter", "lighting"):
            if getattr(self, name) < 0:
                raise UsageError(f"image.{name} must be >= 0, got {getattr(self, name)}")
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise UsageError(f"image.area must rise within (0, 1], got {self.area}")
        if self.crop and self.windows():
            raise UsageError("image.crop and image.area exclude each other; give one")
        if any(std <= 0 for std in self.std):
            raise UsageError(f"image.std must be > 0, got {self.std}")
        if self.mixup and self.cutmix:
            raise UsageError("image.mixup and image.cutmix exclude each other; give one")

    def windows(self) -> bool:
        """Whether windows of random size are cut."""
        return self.area != (1.0, 1.0)


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


def augment(cfg: ImageConfig, keys: Key, image: Array) -> Array:
    """Training: uint8 images `(B, H, W, C)` moved and recolored, in [0, 1]."""
    move, turn = split_rows(keys, 2)
    mirrored = 0.5 * cfg.flip
    if cfg.windows():
        size = (image.shape[1], image.shape[2])
        image = random_resized_crop(
            move, to_float(image), size, scale=cfg.area, flip_probability=mirrored
        )
    else:
        if cfg.crop or cfg.flip:  # on uint8: a quarter of the bytes
            image = random_crop_flip(move, image, padding=cfg.crop, flip_probability=mirrored)
        image = to_float(image)
    image = random_rotation(turn, image, degrees=cfg.rotate) if cfg.rotate else image
    return recolor(cfg, keys, image)


def recolor(cfg: ImageConfig, keys: Key, image: Array) -> Array:
    """Color images in [0, 1] with other colors, `cfg.jitter` first, then `cfg.lighting`."""
    if not (cfg.jitter or cfg.lighting):
        return image
    jitter, light = split_rows(jax.vmap(jax.random.fold_in, (0, None))(keys, 2), 2)
    if cfg.jitter:
        strength = cfg.jitter
        image = color_jitter(
            jitter, image, brightness=strength, contrast=strength, saturation=strength
        )
    return pca_lighting(light, image, strength=cfg.lighting) if cfg.lighting else image


def prepare_images(cfg: ImageConfig, num_classes: int = 0) -> Prepare:
    """`image (B, H, W, C)` uint8 becomes float32, augmented only in training; the rest stays.

    Mixing adds `target (B, num_classes)` to the integer `label`. Rows of a table, `input (B, D)`,
    are given to the model as they are; UsageError where `cfg` asks for more.
    """
    if (cfg.mixup or cfg.cutmix) and not num_classes:
        raise UsageError(
            "image.mixup and image.cutmix need one class a row to mix; leave them at 0"
        )

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
        image = augment(cfg, keys, batch["image"]) if train else to_float(batch["image"])
        batch = {**batch, "image": normalize(image, cfg.mean, cfg.std)}
        return after(keys, batch) if train else batch

    return prepare
