"""What detectors with a prediction in every cell of several levels share.

A level is `(B, H_l, W_l, C)`, the finest first; its predictions are `(B, H_l, W_l, ..., D)`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of
from jaxdl.detection.dense.one_stage import backbone_stages
from jaxdl.detection.fpn import FeaturePyramid
from jaxdl.detection.matching import Matches
from jaxdl.layers.conv import Conv
from jaxdl.typing import Array, Batch, ModuleDef

FROM = ("pyramid", "backbone")


class Pyramid(nn.Module):
    """An FPN and `num_extra` levels beyond it, each half as fine as the one before (P6, P7 of Lin
    et al. 2017, arXiv 1708.02002, section 4).

    Levels -> levels of `features` channels. The first one more is a 3x3/2 convolution of the
    coarsest level of the `extra_from` pyramid or backbone, the next one of ReLU of the one before.
    """

    features: int
    num_extra: int = 2
    extra_from: str = "pyramid"

    @nn.compact
    def __call__(self, levels: Sequence[Array]) -> list[Array]:
        check_one_of("Pyramid: extra_from", self.extra_from, FROM)
        maps = FeaturePyramid(self.features, name="fpn")(levels)
        x = maps[-1] if self.extra_from == "pyramid" else levels[-1]
        for i in range(1, self.num_extra + 1):
            x = Conv(self.features, 3, 2, padding=1, name=f"extra{i}")(x)
            maps.append(x)
            x = jax.nn.relu(x)
        return maps


class Tower(nn.Module):
    """`depth` times 3x3 conv - norm - ReLU, with the same weights on every level.

    Levels -> levels of `features` channels. Without `norm` there is none.
    """

    features: int
    depth: int = 4
    norm: ModuleDef | None = None
    use_bias: bool = True

    @nn.compact
    def __call__(self, levels: Sequence[Array], *, train: bool) -> list[Array]:
        levels = list(levels)
        for i in range(1, self.depth + 1):
            conv = Conv(self.features, 3, padding=1, use_bias=self.use_bias, name=f"conv{i}")
            levels = [conv(x) for x in levels]
            if self.norm is not None:
                norm = self.norm(train=train, name=f"norm{i}")
                levels = [norm(x) for x in levels]
            levels = [jax.nn.relu(x) for x in levels]
        return levels


def pyramid_levels(net: Any, x: Array, train: bool) -> list[Array]:
    """The pyramid over the stages of the backbone of `net`, by its fields."""
    stages = backbone_stages(net.backbone, net.stages, x, train)
    return Pyramid(net.features, net.num_extra, net.extra_from, name="pyramid")(stages)


def quiet_conv(features: int, name: str, *, bias: float = 0.0) -> Conv:
    """A last 3x3 convolution that starts near its `bias` everywhere (arXiv 1708.02002, 4.1)."""
    start, at = nn.initializers.normal(0.01), nn.initializers.constant(bias)
    return Conv(features, 3, padding=1, kernel_init=start, bias_init=at, name=name)


def split_last(x: Array, size: int) -> Array:
    """`(B, H, W, A size)` -> `(B, H, W, A, size)`."""
    return x.reshape(*x.shape[:-1], -1, size)


def by_anchor(levels: Sequence[Array]) -> Array:
    """Predictions of all levels in the order of the anchors: `(B, N, D)`."""
    return jnp.concatenate([x.reshape(len(x), -1, x.shape[-1]) for x in levels], axis=1)


def match_batch(
    rule: Callable[[Array, Array], Matches], batch: Batch
) -> tuple[Matches, Array, Array]:
    """A rule of one picture on every row: matches `(B, N)`, and the boxes `(B, N, 4)` and labels
    `(B, N)` that the anchors answer for, 0 where they answer for none."""
    found = Matches(*jax.vmap(rule)(batch["boxes"], batch["kept"]))
    boxes = jnp.take_along_axis(batch["boxes"], found.truth[..., None], axis=1)
    label = jnp.take_along_axis(batch["labels"], found.truth, axis=1)
    boxes = jnp.where(found.positive[..., None], boxes, 0)
    return found, boxes, jnp.where(found.positive, label, 0)


def class_targets(found: Matches, labels: Array, num_classes: int) -> Array:
    """1 at the class of what an anchor answers for, else 0: `(B, N)` -> `(B, N, K)` float32."""
    own = jax.nn.one_hot(labels, num_classes, dtype=jnp.float32)
    return jnp.where(found.positive[..., None], own, 0)


def best_of_levels(scores: Sequence[Array], count: int) -> tuple[Array, Array, Array]:
    """The `count` highest of each level: `(B, H, W, ..., K)` -> scores, anchors, classes `(B, M)`.

    Anchors are numbered through all levels. One cell may come with several classes.
    """
    first, found = 0, []
    for level in scores:
        flat = level.reshape(len(level), -1)
        score, index = top_scores(flat, count)
        found.append((score, first + index // level.shape[-1], index % level.shape[-1]))
        first += flat.shape[1] // level.shape[-1]
    score, anchor, label = (jnp.concatenate(x, axis=1) for x in zip(*found, strict=True))
    return score, anchor, label


def top_scores(scores: Array, count: int) -> tuple[Array, Array]:
    """The `count` highest along the last axis and their places; all NaN where one is."""
    score, index = jax.lax.top_k(scores, min(count, scores.shape[-1]))
    hidden = jnp.isnan(scores).any(-1, keepdims=True)
    return jnp.where(hidden, jnp.nan, score), index


def take_anchors(values: Array, index: Array) -> Array:
    """`(B, N, D)` or `(N, D)` at anchors `(B, M)` -> `(B, M, D)`."""
    if values.ndim == 2:
        return values[index]
    return jnp.take_along_axis(values, index[..., None], axis=1)
