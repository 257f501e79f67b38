"""CornerNet: objects as pairs of corners (Law & Deng 2018, arXiv 1808.01244)."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.dense.corner_pool import CornerPool
from jaxdl.detection.dense.heatmap import (
    HeatTargets,
    Peaks,
    at_cells,
    find_peaks,
    heat_targets,
    hide_nan,
    peak_points,
)
from jaxdl.detection.dense.map_heads import RARE, enlarge, map_head
from jaxdl.detection.dense.one_stage import backbone_features, cell_size, in_cells
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.losses.detection import heatmap_focal_loss, pull_together, push_apart, smooth_l1
from jaxdl.typing import Array, Batch, ModuleDef


class CornerMaps(NamedTuple):
    """Of one of the two corners, on a grid of H x W cells."""

    heat: Array  # (B, H, W, K) logits
    embedding: Array  # (B, H, W, 1): equal for the corners of one object
    offset: Array  # (B, H, W, 2): of the corner in its cell


class BothCorners(NamedTuple):
    """What CornerNet says."""

    top_left: CornerMaps
    bottom_right: CornerMaps


class CornerNet(nn.Module):
    """Backbone, `num_upsamples` times (twice the size, 3x3 conv), pooling and heads of each corner.

    `(B, H, W, C)` -> `BothCorners`. Any backbone stands where the paper has an hourglass.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    features: int = 64
    num_upsamples: int = 1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> BothCorners:
        y = backbone_features(self.backbone, self.stage, x, train)
        y = enlarge(y, self.features, self.num_upsamples, norm=self.norm, train=train)

        def corner(name: str) -> CornerMaps:
            top_left = name == "top_left"
            pool = CornerPool(self.features, top_left, self.norm, name=f"{name}_pool")
            z = pool(y, train=train)
            return CornerMaps(
                map_head(z, f"{name}_heat", self.features, self.num_classes, RARE),
                map_head(z, f"{name}_embedding", self.features, 1, 0.0),
                map_head(z, f"{name}_offset", self.features, 2, 0.5),
            )

        return BothCorners(corner("top_left"), corner("bottom_right"))


def cornernet_losses(
    out: BothCorners,
    batch: Batch,
    *,
    loss_weights: tuple[float, float, float, float] = (1.0, 0.1, 0.1, 1.0),
    overlap: float = 0.3,
) -> dict[str, Array]:
    """`heat`, `pull`, `push`, `offset`, each `(B,)`, with the weights of eq. 8.

    Heat (eq. 1) and offset (eq. 3, smooth L1) of both corners are sums over the picture through its
    number of objects; `overlap` is the least IoU of a box whose corners lie in the bumps of heat.
    """
    _, height, width, classes = out.top_left.heat.shape
    grid, kept = (height, width), batch["kept"]
    boxes = in_cells(batch["boxes"], batch["image"].shape[1:3], grid)
    low, high = boxes[..., :2], boxes[..., 2:]
    count = jnp.maximum(jnp.sum(kept, axis=1), 1)
    make = partial(heat_targets, grid=grid, num_classes=classes, overlap=overlap)
    heat, offset, tags = jnp.zeros(len(boxes)), jnp.zeros(len(boxes)), []
    for maps, points in zip(out, (low, high), strict=True):
        target: HeatTargets = jax.vmap(make)(points, high - low, batch["labels"], kept)
        heat += jnp.sum(heatmap_focal_loss(maps.heat, target.heat), axis=(1, 2, 3))
        apart = smooth_l1(at_cells(maps.offset, target.cell), target.offset)
        offset += jnp.sum(jnp.where(kept, apart, 0), axis=1)
        tags.append(at_cells(maps.embedding, target.cell)[..., 0])
    first, second = tags
    parts = {
        "heat": heat / count,
        "pull": pull_together(first, second, kept),
        "push": push_apart(first, second, kept),
        "offset": offset / count,
    }
    return {k: w * v for (k, v), w in zip(parts.items(), loss_weights, strict=True)}


def cornernet_candidates(
    out: BothCorners, size: tuple[int, int], *, count: int = 100, most_apart: float = 0.5
) -> tuple[Array, Array, Array]:
    """All pairs of the `count` highest corners of each kind (section 4.2), in pixels.

    Boxes `(B, count^2, 4)`, scores (the mean of both corners'), labels. The score is -1 where
    classes differ, embeddings are more than `most_apart` apart, or the corners are the wrong way.
    """
    peaks, points, tags = zip(*(_corners(maps, count) for maps in out), strict=True)
    pairs = jnp.broadcast_arrays(points[0][:, :, None], points[1][:, None])
    boxes = jnp.concatenate(pairs, axis=-1)  # (B, n, n, 4)
    same = peaks[0].label[:, :, None] == peaks[1].label[:, None]
    near = jnp.abs(tags[0][:, :, None] - tags[1][:, None]) <= most_apart
    order = jnp.all(pairs[1] > pairs[0], axis=-1)
    score = (peaks[0].score[:, :, None] + peaks[1].score[:, None]) / 2
    score = jnp.where(same & near & order, score, -1)
    label = jnp.broadcast_to(peaks[0].label[:, :, None], score.shape)
    rows = len(score)
    boxes = boxes.reshape(rows, -1, 4) * cell_size(size, out.top_left.heat.shape[1:3])
    score = score.reshape(rows, -1)
    for maps in out:
        score = hide_nan(maps.heat, score)
    return boxes, score, label.reshape(rows, -1)


def cornernet_heat(out: BothCorners) -> Array:
    """The heat of the likeliest class of either corner, `(B, H, W)`."""
    best = [jnp.max(maps.heat, axis=-1) for maps in out]
    return jax.nn.sigmoid(jnp.maximum(*best))


def _corners(maps: CornerMaps, count: int) -> tuple[Peaks, Array, Array]:
    """The highest corners of one kind, where they are in cells `(B, n, 2)`, their embeddings."""
    peaks = find_peaks(jax.nn.sigmoid(maps.heat), count=count)
    tags = at_cells(maps.embedding, peaks.cell)[..., 0]
    return peaks, peak_points(peaks, maps.offset), tags
