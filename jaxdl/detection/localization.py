"""One object a picture: its class and its box, from one head on a classifier's features."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.dense.one_stage import backbone_features
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.detection import smooth_l1
from jaxdl.ops.boxes.geometry import box_area, center_to_corners
from jaxdl.typing import Array, Batch


class Located(NamedTuple):
    """Of each picture."""

    classes: Array  # (B, K) logits
    boxes: Array  # (B, 4) corners, fractions of the picture's sides


class Localizer(nn.Module):
    """Backbone - all cells of a stage - linear - ReLU - two heads: `(B, H, W, C)` -> `Located`.

    The box head has four outputs, x, y, width and height, each a fraction by a sigmoid.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    features: int = 128

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Located:
        features = backbone_features(self.backbone, self.stage, x, train)
        y = jax.nn.relu(nn.Dense(self.features, name="hidden")(features.reshape(len(x), -1)))
        form = jax.nn.sigmoid(nn.Dense(4, name="box")(y))
        return Located(nn.Dense(self.num_classes, name="class")(y), center_to_corners(form))


def largest_object(batch: Batch) -> tuple[Array, Array, Array]:
    """Box `(B, 4)` as fractions, label `(B,)`, and whether there is one `(B,)`: the largest."""
    height, width = batch["image"].shape[1:3]
    boxes, kept = batch["boxes"], batch["kept"]
    best = jnp.argmax(jnp.where(kept, box_area(boxes), -1), axis=1)[:, None]
    box = jnp.take_along_axis(boxes, best[..., None], axis=1)[:, 0]
    label = jnp.take_along_axis(batch["labels"], best, axis=1)[:, 0]
    sides = jnp.array([[width, height, width, height]], boxes.dtype)
    return box / sides, label, jnp.any(kept, axis=1)


def localize_losses(out: Located, batch: Batch, *, box_weight: float = 5.0) -> dict[str, Array]:
    """`class` and `box_weight` times `box` `(B,)`: cross-entropy, smooth L1 of the corners."""
    box, label, there = largest_object(batch)
    apart = smooth_l1(out.boxes, box, beta=0.1)
    parts = {"class": softmax_cross_entropy(out.classes, label), "box": box_weight * apart}
    return {name: jnp.where(there, value, 0) for name, value in parts.items()}


def localize_candidates(out: Located, size: tuple[int, int]) -> tuple[Array, Array, Array]:
    """The one box of each picture in pixels: `(B, 1, 4)`, `(B, 1)`, `(B, 1)`."""
    sides = jnp.array([[size[1], size[0], size[1], size[0]]], out.boxes.dtype)
    chance = jax.nn.softmax(out.classes)
    label = jnp.argmax(chance, axis=1).astype(jnp.int32)
    return (out.boxes * sides)[:, None], jnp.max(chance, axis=1)[:, None], label[:, None]
