"""A classifier that sees a picture through a few small windows and decides where the next one is.

Mnih et al. 2014 (Recurrent models of visual attention, arXiv 1406.6247). Where to look is a part
of the network that has no gradient: it learns by REINFORCE. Its differentiable sibling moves the
same windows by the gradient of the loss.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.reinforcement import policy_gradient
from jaxdl.rl.agents.policies import Gaussian
from jaxdl.typing import Array

WAYS = ("sampled", "soft", "random")


class Looked(NamedTuple):
    """`logits` `(B, K)`; of each of T looks the place `(B, T, 2)`, the mean that it was drawn
    around and the expected reward before it `(B, T)`."""

    logits: Array
    place: Array
    mean: Array
    baseline: Array


def look(image: Array, place: Array, *, size: int) -> Array:
    """The window of `size` pixels around each place, bilinear, black outside: `(B, H, W, C)`,
    `(B, 2)` x, y from -1 to 1 (the centers of the corner pixels) -> `(B, size, size, C)`.

    Differentiable in the places: a window is W_y I W_x, whose weights are tents.
    """
    check_rank("look: image", image, 4)
    offset = jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2

    def tents(place: Array, length: int) -> Array:
        center = (place + 1) / 2 * (length - 1)
        at = center[:, None] + offset[None]
        pixels = jnp.arange(length, dtype=jnp.float32)
        return jnp.maximum(1 - jnp.abs(at[:, :, None] - pixels[None, None]), 0)

    wx, wy = tents(place[:, 0], image.shape[2]), tents(place[:, 1], image.shape[1])
    return jnp.einsum("bij,bjkc,blk->bilc", wy, image, wx)


class GlimpseClassifier(nn.Module):
    """T looks, one after the other; the first at the center: `(B, H, W, C)` -> `Looked`.

    `way`: places are "sampled" around the network's mean, "soft" (the mean itself, through which
    the loss has a gradient) or "random" (uniform, to compare with). Not in training, a sampled
    place is the mean. Windows, features and widths as in the paper: of the
    window and of the place 128 each, together 256, which a plain recurrent layer takes up.
    """

    classes: int
    looks: int = 6
    size: int = 8
    width: int = 256
    way: str = "sampled"
    deviation: float = 0.15

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Looked:
        check_one_of("GlimpseClassifier: way", self.way, WAYS)
        count, half = len(image), self.width // 2
        dense = {
            name: nn.Dense(width, name=name)
            for name, width in {
                **{"window": half, "where": half, "what": self.width, "place": self.width},
                **{"carry": self.width, "enter": self.width, "logits": self.classes},
                **{"next": 2, "baseline": 1},
            }.items()
        }
        noise = self.draw(count, train=train)
        state = jnp.zeros((count, self.width))
        place = mean = jnp.zeros((count, 2))
        if self.way == "random":
            place = mean = noise[0]
        seen = []
        for i in range(self.looks):
            fixed = jax.lax.stop_gradient(state)  # what decides and expects does not shape it
            seen.append((place, mean, dense["baseline"](fixed)[:, 0]))
            window = look(image, place, size=self.size).reshape(count, -1)
            what = nn.relu(dense["window"](window))
            where = nn.relu(dense["where"](place))
            state = nn.relu(
                dense["carry"](state)
                + dense["enter"](nn.relu(dense["what"](what) + dense["place"](where)))
            )
            soft = self.way == "soft"
            mean = jnp.tanh(dense["next"](state if soft else jax.lax.stop_gradient(state)))
            place = self.move(mean, noise[min(i + 1, self.looks - 1)], train=train)
        places, means, baselines = (jnp.stack(x, axis=1) for x in zip(*seen, strict=True))
        return Looked(dense["logits"](state), places, means, baselines)

    def draw(self, count: int, *, train: bool) -> Array:
        """What places are drawn by: `(T, B, 2)`; in evaluation always the same."""
        key = self.make_rng("dropout") if train else jax.random.key(0)
        shape = self.looks, count, 2
        if self.way == "random":
            return jax.random.uniform(key, shape, jnp.float32, -1, 1)
        return jax.random.normal(key, shape, jnp.float32)

    def move(self, mean: Array, noise: Array, *, train: bool) -> Array:
        """The next place `(B, 2)`."""
        if self.way == "random":
            return noise
        if self.way == "soft" or not train:
            return jnp.clip(mean, -1, 1)
        return jnp.clip(jax.lax.stop_gradient(mean + self.deviation * noise), -1, 1)


def glimpse_losses(
    looked: Looked, label: Array, *, way: str, deviation: float
) -> tuple[Array, Array, Array]:
    """Of each picture: the classifier's cross-entropy, and, of sampled places, REINFORCE and the
    baseline's squared error, halved: three times `(B,)`.

    The reward of all looks is 1 where the class is right; each look's advantage is that less its
    baseline (equation 3 of the paper). Places that were clipped count as where they came to lie.
    """
    classify = softmax_cross_entropy(looked.logits, label)
    if way != "sampled":
        return classify, 0 * classify, 0 * classify
    reward = jnp.float32(jnp.argmax(looked.logits, axis=1) == label)[:, None]
    # The first look is no decision.
    mean, place, baseline = looked.mean[:, 1:], looked.place[:, 1:], looked.baseline[:, 1:]
    policy = Gaussian(mean, jnp.full(mean.shape, jnp.log(deviation)))
    log_prob = policy.log_prob(jax.lax.stop_gradient(place))
    decide = policy_gradient(log_prob, reward - baseline)
    expect = 0.5 * (baseline - jax.lax.stop_gradient(reward)) ** 2
    return classify, jnp.sum(decide, axis=1), jnp.sum(expect, axis=1)
