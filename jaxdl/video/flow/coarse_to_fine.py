"""A flow found in small copies of a pair first, then corrected in larger ones."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.ops.resize import resize
from jaxdl.typing import Array
from jaxdl.video.flow.warp import stays_inside, warp

LEAST = 8  # pixels on the shorter side of the smallest copy


def check_pair(who: str, first: Array, second: Array, levels: int) -> None:
    """Raises ValueError unless the pictures are float, of one shape, and halve so often."""
    check_rank(f"{who}: first", first, 4)
    check_same_shape(f"{who}: first, second", first, second)
    check_positive(f"{who}: levels", levels)
    for name, image in (("first", first), ("second", second)):
        if not jnp.issubdtype(image.dtype, jnp.floating):
            raise ValueError(
                f"{who}: {name} must be float in [0, 1], got {image.dtype}; divide it by 255 first"
            )
    smallest = min(first.shape[1:3]) >> (levels - 1)
    if smallest < LEAST:
        raise ValueError(
            f"{who}: {levels} levels leave {smallest} pixels of {first.shape[1:3]}; take fewer, "
            f"so that at least {LEAST} are left"
        )


def coarse_to_fine(
    refine: Callable[[Array, Array, Array], Array],
    first: Array,
    second: Array,
    *,
    levels: int,
    times: int,
) -> Array:
    """The flow from `first` to `second`, `(B, H, W, C)` each -> `(B, H, W, 2)` x, y in pixels.

    `refine(first, second, flow)` betters a flow at one size, so many `times`. Each level has half
    of the next one's height and width; a move of m pixels is one of m / 2^(levels - 1) in the
    smallest.
    """
    pairs = [(first, second)]
    for _ in range(levels - 1):
        height, width = pairs[-1][0].shape[1:3]
        half = (-(-height // 2), -(-width // 2))
        one, other = (resize(image, half, antialias=True) for image in pairs[-1])
        pairs.append((one, other))
    flow = jnp.zeros((*pairs[-1][0].shape[:3], 2), first.dtype)
    for one, other in reversed(pairs):
        grown = grow(flow, (one.shape[1], one.shape[2]))
        flow = lax.fori_loop(0, times, lambda _, f, a=one, b=other: refine(a, b, f), grown)
    return flow


def grow(flow: Array, size: tuple[int, int]) -> Array:
    """The flow for copies of the pair at another size, height and width."""
    height, width = flow.shape[1:3]
    x, y = jnp.moveaxis(resize(flow, size), -1, 0)
    return jnp.stack([x * (size[1] / width), y * (size[0] / height)], axis=-1)


def slopes(images: Array) -> tuple[Array, Array]:
    """d/dx and d/dy by central differences, at the sides one-sided: `(B, H, W, C)` each."""
    return jnp.asarray(jnp.gradient(images, axis=2)), jnp.asarray(jnp.gradient(images, axis=1))


def normal_equations(first: Array, second: Array, flow: Array) -> tuple[Array, ...]:
    """a, b, c, x, y of [[a, b], [b, c]] u = (x, y) at each pixel, `(B, H, W)` each.

    Least squares of S(x + v) + dS(x + v) (u - v) - F over channels, F first, S second picture, v
    the flow so far; 0 where it leads out of the picture.
    """
    seen = warp(second, flow)
    dx, dy = slopes(seen)
    rest = first - seen + dx * flow[..., 0:1] + dy * flow[..., 1:2]
    there = stays_inside(flow).astype(first.dtype)
    products = (dx * dx, dx * dy, dy * dy, dx * rest, dy * rest)
    return tuple(jnp.sum(p, axis=-1) * there for p in products)


def solve_2x2(a: Array, b: Array, c: Array, right: tuple[Array, Array]) -> Array:
    """The solution of [[a, b], [b, c]] z = right at each pixel: `(..., 2)`."""
    x, y = right
    return jnp.stack([c * x - b * y, a * y - b * x], axis=-1) / (a * c - b * b)[..., None]
