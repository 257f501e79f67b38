"""Masks of regions: what is to be learned from full ones, and what is given of a class."""

import jax
import jax.numpy as jnp

from jaxdl.ops.boxes.roi_align import roi_align
from jaxdl.typing import Array


def cut_masks(masks: Array, truth: Array, boxes: Array, size: int) -> Array:
    """The part of its object's mask that each region shows, `size` cells a side: `(B, Q, M, M)`.

    RoI align of the mask as a map of zeros and ones (He et al. 2017, arXiv 1703.06870, section 3),
    torchvision's `project_masks_on_boxes`: values lie in [0, 1], no threshold is taken.

    Args: `masks` `(B, N, H, W)`, `truth` `(B, Q)`: which object, `boxes` `(B, Q, 4)` pixels.
    """

    def one(masks: Array, truth: Array, boxes: Array) -> Array:
        own = masks[truth].astype(jnp.float32)[..., None]  # (Q, H, W, 1)
        cut = roi_align(own, boxes[:, None], size=(size, size), samples=None, aligned=False)
        return cut[:, 0, :, :, 0]

    return jax.vmap(one)(masks, truth, boxes)


def of_class(maps: Array, labels: Array) -> Array:
    """The map of each region's class: `(B, Q, M, M, K)`, `(B, Q)` -> `(B, Q, M, M)`."""
    return jnp.take_along_axis(maps, labels[:, :, None, None, None], axis=-1)[..., 0]
