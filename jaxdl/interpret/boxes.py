"""Why a detector gives a box: the detector as a network, and the score of one of its boxes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from flax import struct

from jaxdl.models.stages import Stages
from jaxdl.ops.boxes.geometry import paired_iou
from jaxdl.typing import Array, Batch, Tree


@dataclass(frozen=True, eq=False)
class BoxModel:
    """A detector in the form that `Network` takes; its stages are `boxes`, `scores`, `labels`.

    `candidates(variables, batch)` gives them, `(B, N, 4)`, `(B, N)` and `(B, N)`, before any is
    suppressed. The network's variables are `{"model": the detector's, "given": {}}`, or what
    besides the image its batch has, one row of each.
    """

    candidates: Callable[[Tree, Batch], tuple[Array, Array, Array]]

    def __call__(self, images: Array, *, stages: bool) -> Stages:
        raise TypeError("BoxModel: call apply(variables, images)")

    def apply(self, variables: Any, images: Array, **_: bool) -> Stages:
        """As a Linen module's, in evaluation, with stages."""
        rows = len(images)
        given = {
            k: jnp.broadcast_to(v, (rows, *v.shape[1:])) for k, v in variables["given"].items()
        }
        found = self.candidates(variables["model"], {"image": images, **given})
        return dict(zip(("boxes", "scores", "labels"), found, strict=True))


class BoxScore(struct.PyTreeNode):
    """max_j p_j IoU(b_j, b) over the candidates of b's class: how far a box is still found.

    The similarity of D-RISE (Petsiuk et al. 2021, arXiv 2006.03204, section 3.2) with one class
    for a candidate. `boxes` `(B, 4)` and `labels` `(B,)`, one for each picture, or again for every
    further B pictures.
    """

    boxes: Array
    labels: Array

    def __call__(self, stages: Stages) -> Array:
        """`(rows,)`."""
        rows = len(stages["scores"])
        times = rows // len(self.boxes)
        boxes = jnp.tile(self.boxes, (times, 1))[:, None]
        same = stages["labels"] == jnp.tile(self.labels, times)[:, None]
        near = paired_iou(stages["boxes"], jnp.broadcast_to(boxes, stages["boxes"].shape))
        return jnp.max(jnp.where(same, stages["scores"] * near, 0), axis=1)
