"""CenterNet: objects as the peaks of heat maps (Zhou et al. 2019, arXiv 1904.07850)."""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.dense.heatmap import decode_peaks, heat_targets
from jaxdl.detection.dense.one_stage import backbone_features, cell_size, in_cells
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.losses.detection import heatmap_focal_loss
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, Batch


class CenterMaps(NamedTuple):
    """On a grid of H x W cells."""

    heat: Array  # (B, H, W, K) logits
    offset: Array  # (B, H, W, 2): of the center in its cell
    size: Array  # (B, H, W, 2): width and height in cells


class CenterNet(nn.Module):
    """Backbone, `num_upsamples` times (twice the size, 3x3 conv), three heads.

    `(B, H, W, C)` -> `CenterMaps`. Each head is 3x3 conv - ReLU - 1x1 conv. Enlarging is bilinear,
    where the paper has transposed convolutions that start bilinear.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    features: int = 64
    num_upsamples: int = 1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> CenterMaps:
        y = backbone_features(self.backbone, self.stage, x, train)
        for i in range(1, self.num_upsamples + 1):
            y = resize(y, (2 * y.shape[1], 2 * y.shape[2]))
            y = ConvNorm(self.features, 3, name=f"up{i}")(y, train=train)

        def head(name: str, features: int, bias: float) -> Array:
            z = jax.nn.relu(Conv(self.features, 3, padding=1, name=f"{name}_hidden")(y))
            start, at = nn.initializers.normal(0.01), nn.initializers.constant(bias)
            return Conv(features, 1, kernel_init=start, bias_init=at, name=name)(z)

        # A bias of -2.19 is a heat of .1: the first losses are not those of the empty ground.
        heat = head("heat", self.num_classes, -2.19)
        return CenterMaps(heat, head("offset", 2, 0.5), head("size", 2, 1.0))


def centernet_losses(
    out: CenterMaps, batch: Batch, *, loss_weights: tuple[float, float, float] = (1.0, 1.0, 0.1)
) -> dict[str, Array]:
    """`heat`, `offset`, `size`, each `(B,)`: sums over the picture through its number of objects.

    Focal loss of the heat; absolute differences of offset and size (in cells) at true centers.
    """
    rows, height, width, classes = out.heat.shape
    grid, kept = (height, width), batch["kept"]
    truths = in_cells(batch["boxes"], batch["image"].shape[1:3], grid)
    make = partial(heat_targets, grid=grid, num_classes=classes)
    target = jax.vmap(make)(truths, batch["labels"], kept)
    count = jnp.maximum(jnp.sum(kept, axis=1), 1)

    def apart(cells: Array, aim: Array) -> Array:
        said = jnp.take_along_axis(cells.reshape(rows, -1, 2), target.cell[..., None], axis=1)
        return jnp.sum(jnp.where(kept[..., None], jnp.abs(said - aim), 0), axis=(1, 2)) / count

    parts = {
        "heat": jnp.sum(heatmap_focal_loss(out.heat, target.heat), axis=(1, 2, 3)) / count,
        "offset": apart(out.offset, target.offset),
        "size": apart(out.size, target.size),
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
    boxes, score, label = decode_peaks(heat, out.offset, out.size, count=count)
    hidden = jnp.isnan(heat).any((1, 2, 3))[:, None]  # a NaN is no peak
    score = jnp.where(hidden, jnp.nan, score)
    return boxes * cell_size(size, out.heat.shape[1:3]), score, label
