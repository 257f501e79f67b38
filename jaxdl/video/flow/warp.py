"""A picture fetched along a flow, and how far a flow is from the true one."""

import jax.numpy as jnp

from jaxdl.checks import check_rank, check_same_shape
from jaxdl.ops.resize import sample_points
from jaxdl.typing import Array


def pixel_centers(height: int, width: int) -> Array:
    """The center of each pixel, x and y: `(1, H, W, 2)`."""
    ys, xs = jnp.meshgrid(jnp.arange(height) + 0.5, jnp.arange(width) + 0.5, indexing="ij")
    return jnp.stack([xs, ys], axis=-1)[None]


def warp(images: Array, flow: Array) -> Array:
    """Each pixel shows what lies `flow` away from it: out(x) = image(x + flow(x)), bilinear.

    So the second picture of a pair, warped by the flow from the first to it, is the first one.
    Beyond a side its last pixel goes on.
    Args: `images` `(B, H, W, C)` float; `flow` `(B, H, W, 2)`, x and y in pixels.
    """
    check_flow("warp", images, flow)
    return sample_points(images, pixel_centers(*images.shape[1:3]) + flow, fill=None)


def stays_inside(flow: Array) -> Array:
    """Whether what is at a pixel is still in the picture after the move: `(B, H, W)` bool."""
    check_rank("stays_inside: flow", flow, 4)
    height, width = flow.shape[1:3]
    x, y = jnp.moveaxis(pixel_centers(height, width) + flow, -1, 0)
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height)


def endpoint_error(flow: Array, truth: Array) -> Array:
    """|flow - truth|, in pixels (Baker et al. 2011, section 4.1): two `(..., 2)` -> `(...)`."""
    check_same_shape("endpoint_error: flow, truth", flow, truth)
    return jnp.linalg.norm(flow - truth, axis=-1)


def check_flow(who: str, images: Array, flow: Array) -> None:
    """Raises ValueError unless `flow` has a vector for each pixel."""
    check_rank(f"{who}: images", images, 4)
    if flow.shape != (*images.shape[:3], 2):
        raise ValueError(f"{who}: flow must have shape {(*images.shape[:3], 2)}, got {flow.shape}")
