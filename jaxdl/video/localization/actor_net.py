"""Who does what, where, in every frame of a clip: centers, boxes and actions from cells."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.detection import heatmap_focal_loss
from jaxdl.typing import Array

STRIDE = 4  # pixels of a cell
SPREAD = 0.8  # deviation of the heat around a center, in cells


class Acting(NamedTuple):
    """Of every cell of every frame."""

    heat: Array  # (B, T, h, w) logits: a center is here
    box: Array  # (B, T, h, w, 4): shift of the center and log size, in cells
    action: Array  # (B, T, h, w, K) logits


class ActorNet(nn.Module):
    """CenterNet's heads (Zhou et al. 2019, arXiv 1904.07850) on 3-D convolutions that keep time.

    `(B, T, H, W, C)` -> `Acting`, a cell for each 4x4 pixels of each frame.
    """

    num_classes: int
    features: tuple[int, ...] = (12, 24, 24, 24)

    @nn.compact
    def __call__(self, video: Array, *, train: bool) -> Acting:
        check_rank("ActorNet: video", video, 5)
        x = video
        for i, features in enumerate(self.features):
            stride = (1, 2, 2) if i < 2 else (1, 1, 1)
            x = nn.relu(Conv(features, (3, 3, 3), stride, padding=1, name=f"conv{i + 1}")(x))
        # Few cells are centers: at the start all say so (Lin et al. 2017, RetinaNet, 4.1).
        rare = nn.initializers.constant(-2.2)
        heat = Conv(1, (1, 1, 1), bias_init=rare, name="heat")(x)[..., 0]
        box = Conv(4, (1, 1, 1), name="box")(x)
        return Acting(heat, box, Conv(self.num_classes, (1, 1, 1), name="action")(x))


def center_targets(boxes: Array, kept: Array, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """(heat `(h, w)`, cells `(N, 2)` row and column, boxes `(N, 4)`) of one frame's `(N, 4)`.

    Heat is 1 at the cell of a center and falls as a Gaussian; of several the largest.
    """
    center = (boxes[:, :2] + boxes[:, 2:]) / 2 / STRIDE
    extent = jnp.maximum(boxes[:, 2:] - boxes[:, :2], 1) / STRIDE
    limit = jnp.array([[size[1] - 1, size[0] - 1]])
    cell = jnp.clip(jnp.floor(center).astype(jnp.int32), 0, limit)
    rows, columns = jnp.arange(size[0])[:, None], jnp.arange(size[1])[None]
    far = (rows[None] - cell[:, 1, None, None]) ** 2 + (columns[None] - cell[:, 0, None, None]) ** 2
    heat = jnp.where(kept[:, None, None], jnp.exp(-far / (2 * SPREAD**2)), 0).max(axis=0)
    shift = center - (cell + 0.5)
    return heat, cell[:, ::-1], jnp.concatenate([shift, jnp.log(extent)], axis=1)


def actor_losses(found: Acting, boxes: Array, labels: Array, kept: Array) -> dict[str, Array]:
    """Focal loss of the heat, L1 of boxes and cross-entropy of actions at centers, `(B,)` each.

    Args: `boxes` `(B, T, N, 4)` corners in pixels, `labels` and `kept` `(B, N)`.
    """
    size = (found.heat.shape[2], found.heat.shape[3])

    def frame(
        heat: Array, box: Array, action: Array, boxes: Array, labels: Array, kept: Array
    ) -> dict[str, Array]:
        aim, cell, wanted = center_targets(boxes, kept, size)
        own_box, own_action = box[cell[:, 0], cell[:, 1]], action[cell[:, 0], cell[:, 1]]
        count = jnp.maximum(jnp.sum(kept), 1)
        return {
            "heat": jnp.sum(heatmap_focal_loss(heat, aim)) / count,
            "box": jnp.sum(jnp.abs(own_box - wanted) * kept[:, None]) / count,
            "action": jnp.sum(softmax_cross_entropy(own_action, labels) * kept) / count,
        }

    over_time = jax.vmap(frame, in_axes=(0, 0, 0, 0, None, None))
    losses = jax.vmap(over_time)(found.heat, found.box, found.action, boxes, labels, kept)
    return {name: value.mean(axis=1) for name, value in losses.items()}


class Peaks(NamedTuple):
    """The `count` surest centers of each frame."""

    boxes: Array  # (B, T, count, 4) corners in pixels
    scores: Array  # (B, T, count)
    actions: Array  # (B, T, count, K) logits


def find_peaks(found: Acting, *, count: int) -> Peaks:
    """Cells that are as hot as all of their eight neighbors, with their boxes and actions."""
    hottest = nn.max_pool(found.heat[..., None], (1, 3, 3), padding="SAME")[..., 0]
    heat = jnp.where(found.heat >= hottest, jax.nn.sigmoid(found.heat), 0)
    batch, time, height, width = heat.shape
    scores, place = jax.lax.top_k(heat.reshape(batch, time, -1), count)

    def at(values: Array) -> Array:
        flat = values.reshape(batch, time, height * width, -1)
        return jnp.take_along_axis(flat, place[..., None], axis=2)

    box = at(found.box)
    cell = jnp.stack([place % width, place // width], axis=-1) + 0.5
    center, half = cell + box[..., :2], jnp.exp(jnp.clip(box[..., 2:], -4, 4)) / 2
    corners = jnp.concatenate([center - half, center + half], axis=-1) * STRIDE
    return Peaks(corners, scores, at(found.action))
