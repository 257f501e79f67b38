"""Two random views of each image, made on the device."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.ops.augment.blur import random_blur
from jaxdl.ops.augment.color import color_jitter, random_grayscale
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.geometry import draw_affine, random_resized_crop
from jaxdl.ops.resize import sample_affine
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.typing import Array, Batch, Key, Prepare


@dataclass(frozen=True)
class ViewConfig:
    """What is done to an image to make a view of it (SimCLR, arXiv 2002.05709, appendix A)."""

    mean: tuple[float, ...] = (0.0,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (1.0,)
    """What they are divided by then."""
    size: int = 0
    """Pixels of a view's side (0: those of the image)."""
    crop: float = 0.2
    """Least share of the area that a view shows, of a width/height in 3/4 to 4/3."""
    flip: float = 0.5
    """Chance of a mirrored view."""
    affine: float = 0.0
    """What is added to the matrix of a view's affine move, at most."""
    jitter: float = 0.5
    """Strength of the changes of color, in four of five views: 0.8 of it for brightness, contrast
    and saturation, 0.2 for hue."""
    gray: float = 0.2
    """Chance of a view without color."""
    blur: float = 0.0
    """Chance of a view that is blurred by 0.1 to 2 pixels, in a window of a tenth of its side
    (SimCLR leaves it out for CIFAR-10)."""

    def __post_init__(self) -> None:
        for name in ("crop", "flip", "affine", "gray", "blur"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"views.{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.crop == 0 or self.size < 0 or not 0 <= self.jitter <= 1.25:
            raise UsageError(
                "views: crop must be > 0, size >= 0, jitter in [0, 1.25], got "
                f"{self.crop}, {self.size} and {self.jitter}"
            )
        if any(std <= 0 for std in self.std):
            raise UsageError(f"views.std must be > 0, got {self.std}")


def random_view(keys: Key, image: Array, cfg: ViewConfig) -> Array:
    """One view of each image: `(B, H, W, C)` -> `(B, size, size, C)`, floats in [0, 1]."""
    if (cfg.jitter or cfg.gray) and image.shape[-1] != 3:
        raise UsageError(
            f"views.jitter and views.gray change colors; images of {image.shape[-1]} channel(s) "
            "have none: set both to 0"
        )
    crop, move, color, drain, soften = split_rows(keys, 5)
    size = (cfg.size, cfg.size) if cfg.size else (image.shape[1], image.shape[2])
    image = random_resized_crop(crop, image, size, scale=(cfg.crop, 1.0), flip_probability=cfg.flip)
    if cfg.affine:
        matrix = draw_affine(move, size, strength=cfg.affine, shift=0.0)
        image = sample_affine(image, matrix, size)
    if cfg.jitter:
        part = 0.8 * cfg.jitter
        hue = 0.2 * cfg.jitter
        strengths = {"brightness": part, "contrast": part, "saturation": part, "hue": hue}
        image = color_jitter(color, image, **strengths, probability=0.8)
    if cfg.gray:
        image = random_grayscale(drain, image, probability=cfg.gray)
    if cfg.blur:
        image = random_blur(soften, image, size=max(size[0] // 20 * 2 + 1, 3), probability=cfg.blur)
    return image


def prepare_views(cfg: ViewConfig) -> Prepare:
    """uint8 `image (B, H, W, C)` -> in training two views `(B, 2, size, size, C)`, else itself."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = to_float(batch["image"])
        if train:
            image = jnp.stack([random_view(k, image, cfg) for k in split_rows(keys, 2)], axis=1)
        return {**batch, "image": normalize(image, cfg.mean, cfg.std)}

    return prepare
