"""Random changes of color on the device: images `(B, H, W, 3)` in [0, 1], one typed key per row."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_fraction, check_rank
from jaxdl.ops.augment.crop_flip import row_normal, row_uniform
from jaxdl.typing import Array, Key

LUMA = np.array([0.2989, 0.587, 0.114], np.float32)  # ITU-R 601-2, torchvision's digits
ORDERS = np.array(list(itertools.permutations(range(4))))  # (24, 4)
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)

# Of the colors of ImageNet's pixels in [0, 1] (Krizhevsky et al. 2012): spread, directions.
IMAGENET_SPREAD = (0.2175, 0.0188, 0.0045)
IMAGENET_AXES = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def color_jitter(
    keys: Key,
    images: Array,
    *,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
    probability: float = 1.0,
) -> Array:
    """Torchvision's `ColorJitter`: four changes of random strength in random order, an order a row.

    A strength s draws a factor from [max(0, 1 - s), 1 + s]; `hue` draws a turn of the color circle
    from +-hue, at most 0.5. `probability` is that a row is changed at all.
    """
    check_colors("color_jitter: images", images)
    check_fraction("color_jitter: probability", probability)
    if not 0 <= hue <= 0.5 or min(brightness, contrast, saturation) < 0:
        raise ValueError(
            f"color_jitter: strengths must be >= 0, hue at most 0.5, got brightness {brightness}, "
            f"contrast {contrast}, saturation {saturation}, hue {hue}"
        )
    factors, order, chosen = draw_jitter(keys, (brightness, contrast, saturation, hue), probability)
    jittered = apply_jitter(images, factors, order)
    return jnp.where(chosen[:, None, None, None], jittered, images)


def draw_jitter(
    keys: Key, strengths: tuple[float, float, float, float], probability: float
) -> tuple[Array, Array, Array]:
    """The draw of `color_jitter`: factors `(B, 4)`, order `(B, 4)` of what, chosen `(B,)`."""
    u = row_uniform(keys, 6)
    low = jnp.array([max(0.0, 1 - s) for s in strengths[:3]] + [-strengths[3]], jnp.float32)
    high = jnp.array([1 + s for s in strengths[:3]] + [strengths[3]], jnp.float32)
    factors = low[None] + (high - low)[None] * u[:, :4]
    order = jnp.asarray(ORDERS)[jnp.floor(u[:, 4] * len(ORDERS)).astype(jnp.int32)]
    return factors, order, u[:, 5] < probability


def apply_jitter(images: Array, factors: Array, order: Array) -> Array:
    """The four changes in each row's own order, `factors` and `order` `(B, 4)`.

    The first three are blends with black, the mean gray and the gray picture. A turn of hue costs
    far more, so it runs once, between the blends before it and those after it.
    """
    planes = jnp.moveaxis(images, -1, 0)  # (3, B, H, W): a third faster on a CPU
    when_hue = jnp.argmax(order == HUE, axis=1)

    def before(turn: Array, planes: Array) -> Array:
        return blend_step(planes, factors, jnp.take(order, turn, axis=1), turn < when_hue)

    def after(turn: Array, planes: Array) -> Array:
        return blend_step(planes, factors, jnp.take(order, turn, axis=1), turn > when_hue)

    # Loops, because unrolled XLA computes every step again for the mean of each later one.
    planes = jax.lax.fori_loop(0, 3, before, planes)
    planes = shift_hue(planes, factors[:, HUE])
    planes = jax.lax.fori_loop(1, 4, after, planes)
    return jnp.moveaxis(planes, 0, -1)


def blend_step(planes: Array, factors: Array, which: Array, active: Array) -> Array:
    """One change of planes `(3, B, H, W)`: which `(B,)` of the blends, where `active` `(B,)`."""
    which = jnp.where(active, which, BRIGHTNESS)
    factor = jnp.take_along_axis(factors, which[:, None], axis=1)[:, 0]
    factor = jnp.where(active, factor, 1.0)[:, None, None]
    which = which[:, None, None]
    shade = gray(planes)
    other = jnp.where(which == CONTRAST, shade.mean(axis=(1, 2), keepdims=True), shade)
    other = jnp.where(which == BRIGHTNESS, 0.0, other)
    return jnp.clip(factor[None] * planes + ((1 - factor) * other)[None], 0, 1)


def shift_hue(planes: Array, turn: Array) -> Array:
    """Turns the color circle by `turn` `(B,)` rounds, at equal value and saturation (HSV)."""
    r, g, b = planes
    top, bottom = jnp.max(planes, axis=0), jnp.min(planes, axis=0)
    chroma = top - bottom
    safe = jnp.where(chroma == 0, 1, chroma)
    # Not `top == r`: a fused program may round the two sides differently.
    red, green = (r >= g) & (r >= b), g >= b
    sector = jnp.where(
        red, (g - b) / safe, jnp.where(green, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )
    sector = sector + 6 * turn[:, None, None]
    # A channel falls from top to bottom with its distance to the sector where it is the largest.
    k = sector[None] + jnp.array([5.0, 3.0, 1.0], planes.dtype)[:, None, None, None]
    k = k - 6 * jnp.floor(k / 6)  # jnp.mod takes three times as long on a CPU
    return top[None] - chroma[None] * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)


def random_grayscale(keys: Key, images: Array, *, probability: float = 0.2) -> Array:
    """Takes the color out of some images: `(B, H, W, 3)`."""
    check_colors("random_gray: images", images)
    check_fraction("random_gray: probability", probability)
    chosen = row_uniform(keys, 1)[:, :, None, None] < probability
    return jnp.where(chosen, gray(jnp.moveaxis(images, -1, 0))[..., None], images)


def pca_lighting(
    keys: Key,
    images: Array,
    *,
    strength: float = 0.1,
    spread: tuple[float, ...] = IMAGENET_SPREAD,
    axes: tuple[tuple[float, ...], ...] = IMAGENET_AXES,
) -> Array:
    """Adds one color to the whole image (Krizhevsky et al. 2012, section 4.1).

    x + sum_i a_i spread_i axis_i, a_i ~ N(0, strength^2); the axes are the columns of `axes`, the
    principal components of the pixels' colors. Not clipped.
    """
    check_colors("pca_lighting: images", images)
    amount = strength * row_normal(keys, 3) * jnp.asarray(spread, jnp.float32)[None]  # (B, 3)
    color = jnp.einsum("bi,ci->bc", amount, jnp.asarray(axes, jnp.float32), precision="highest")
    return images + color[:, None, None, :]


def gray(planes: Array) -> Array:
    """Brightness as the eye weighs it: `(3, ...)` -> `(...)`."""
    return LUMA[0] * planes[0] + LUMA[1] * planes[1] + LUMA[2] * planes[2]


def check_colors(who: str, images: Array) -> None:
    """Raises unless images are `(B, H, W, 3)` floating point numbers."""
    check_rank(who, images, 4)
    if images.shape[-1] != 3 or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{who} must be floating point (B, H, W, 3), got {images.dtype} {images.shape}"
        )
