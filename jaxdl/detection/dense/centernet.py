"""CenterNet: objects as the peaks of heat maps (Zhou et al. 2019, arXiv 1904.07850)."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.dense.heatmap import (
    at_cells,
    find_peaks,
    heat_targets,
    hide_nan,
    peak_points,
)
from jaxdl.detection.dense.map_heads import RARE, enlarge, map_head
from jaxdl.detection.dense.one_stage import backbone_features, cell_size, in_cells
from jaxdl.losses.detection import heatmap_focal_loss
from jaxdl.ops.boxes.geometry import center_to_corners, corners_to_center
from jaxdl.typing import Array, Batch


class CenterMaps(NamedTuple):
    """On a grid of H x W cells."""

    heat: Array  # (B, H, W, K) logits
    offset: Array  # (B, H, W, 2): of the center in its cell
    size: Array  # (B, H, W, 2): width and height in cells


class CenterNet(nn.Module):
    """Backbone, `num_upsamples` times (twice the size, 3x3 conv), three heads.

    `(B, H, W, C)` -> `CenterMaps`.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    features: int = 64
    num_upsamples: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> CenterMaps:
        y = backbone_features(self.backbone, self.stage, x, train)
        y = enlarge(y, self.features, self.num_upsamples, train=train)
        return CenterMaps(
            map_head(y, "heat", self.features, self.num_classes, RARE),
            map_head(y, "offset", self.features, 2, 0.5),
            map_head(y, "size", self.features, 2, 1.0),
        )


def centernet_losses(
    out: CenterMaps, batch: Batch, *, loss_weights: tuple[float, float, float] = (1.0, 1.0, 0.1)
) -> dict[str, Array]:
    """`heat`, `offset`, `size`, each `(B,)`: sums over the picture through its number of objects.

    Focal loss of the heat; absolute differences of offset and size (in cells) at true centers.
    """
    _, height, width, classes = out.heat.shape
    grid, kept = (height, width), batch["kept"]
    form = corners_to_center(in_cells(batch["boxes"], batch["image"].shape[1:3], grid))
    center, size = form[..., :2], form[..., 2:]
    make = partial(heat_targets, grid=grid, num_classes=classes)
    target = jax.vmap(make)(center, size, batch["labels"], kept)
    count = jnp.maximum(jnp.sum(kept, axis=1), 1)

    def apart(cells: Array, aim: Array) -> Array:
        far = jnp.abs(at_cells(cells, target.cell) - aim)
        return jnp.sum(jnp.where(kept[..., None], far, 0), axis=(1, 2)) / count

    parts = {
        "heat": jnp.sum(heatmap_focal_loss(out.heat, target.heat), axis=(1, 2, 3)) / count,
        "offset": apart(out.offset, target.offset),
        "size": apart(out.size, size),
    }
    return {k: w * v for (k, v), w in zip(parts.items(), loss_weights, strict=True)}


def centernet_heat(out: CenterMaps) -> Array:
    """The heat of the likeliest class, `(B, H, W)`."""
    return jax.nn.sigmoid(jnp.max(out.heat, axis=-1))


def centernet_candidates(
    out: CenterMaps, size: tuple[int, int], *, count: int = 100
) -> tuple[Array, Array, Array]:
    """The `count` highest peaks in pixels: boxes `(B, N, 4)`, scores `(B, N)`, labels `(B, N)`."""
    heat = jax.nn.sigmoid(out.heat)
    peaks = find_peaks(heat, count=count)
    sides = jnp.maximum(at_cells(out.size, peaks.cell), 0)
    middle = peak_points(peaks, out.offset)
    boxes = center_to_corners(jnp.concatenate([middle, sides], axis=-1))
    boxes = boxes * cell_size(size, out.heat.shape[1:3])
    return boxes, hide_nan(heat, peaks.score), peaks.label
