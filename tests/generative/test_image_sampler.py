"""Images out of noise: the guided steps of the paper in float64, for classes and for words."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.generative.diffusion import DiffusionConfig, alpha_bars, make_betas
from jaxdl.generative.image_sampler import ImageSampler
from jaxdl.generative.unet import Condition, UNet
from jaxdl.selfsup.clip import TextEncoder

HOW = DiffusionConfig(steps=20, sample_steps=20, guidance=2.0)
NONE = 3


class Told(nn.Module):
    """Noise that is a share of x, and more for a larger label."""

    @nn.compact
    def __call__(self, inputs, *, train):
        label = inputs["label"].reshape(len(inputs["x"]), -1).sum(axis=1)
        return 0.4 * inputs["x"] + 0.2 * label[:, None, None, None]


def by_hand(start, label, none, weight):
    """DDIM with classifier-free guidance, step by step (2010.02502, eq. 12; 2207.12598, eq. 6)."""
    bars = alpha_bars(make_betas(HOW.schedule, HOW.steps))
    x = start.astype(np.float64)
    for t in reversed(range(HOW.steps)):
        own, other = (0.4 * x + 0.2 * value for value in (label, none))
        noise = (1 + weight) * own - weight * other
        first = np.clip((x - np.sqrt(1 - bars[t]) * noise) / np.sqrt(bars[t]), -1, 1)
        noise = (x - np.sqrt(bars[t]) * first) / np.sqrt(1 - bars[t])
        before = bars[t - 1] if t else 1.0
        x = np.sqrt(before) * first + np.sqrt(1 - before) * noise
    return (x + 1) / 2


@pytest.mark.parametrize("weight", [None, 0.0, 1.5])
@pytest.mark.parametrize("words", [False, True])
def test_guidance_leads_from_none_towards_the_label(words, weight):
    sampler = ImageSampler(Told(), HOW, (4, 4, 1), NONE, seed=0)
    start = np.asarray(sampler.noise(2, seed=1)) / 4
    label = np.array([[0, 1], [1, 1]]) if words else np.array([0, 1])
    made = sampler.make({}, start, label, weight)
    sums, none = (label.sum(axis=1), 2 * NONE) if words else (label, NONE)
    used = HOW.guidance if weight is None else weight
    for i in range(2):
        want = by_hand(start[i], sums[i], none, used)
        np.testing.assert_allclose(made[i], want, atol=2e-4)
    seen = sampler.chain({}, jnp.asarray(start), label, 4)
    if weight is None:
        np.testing.assert_allclose(seen[0], made, atol=1e-5)
    assert seen[1].shape == (4, 2, 4, 4, 1)


def test_a_text_of_no_words_adds_nothing_to_the_time_and_others_do():
    reader = TextEncoder(9, 4, width=6, depth=0)
    condition, time = Condition(8, reader=reader), jnp.array([3, 3, 3])
    ids = jnp.array([[0, 0, 0, 0], [1, 5, 2, 0], [1, 7, 2, 0]])
    told, params = condition.init_with_output(jax.random.key(0), time, ids)
    plain = Condition(8).apply({"params": {k: params["params"][k] for k in ("time1", "time2")}},
                               time, None)  # fmt: skip
    np.testing.assert_allclose(told[0], plain[0], atol=1e-6)
    assert np.abs(told[1] - told[2]).max() > 1e-3
    with pytest.raises(ValueError, match="needs labels"):
        condition.apply(params, time, None)


def test_the_unet_reads_words_by_its_reader():
    # Norms of one channel a group would take away what the words add to it.
    model = UNet(features=8, multipliers=(1,), groups=2, reader=TextEncoder(9, 4, width=6, depth=0))
    inputs = {"x": jnp.ones((2, 4, 4, 1)), "time": jnp.array([1, 1]),
              "label": jnp.array([[1, 5, 2, 0], [1, 7, 2, 0]])}  # fmt: skip
    variables = model.init(jax.random.key(0), inputs, train=False)
    wave = lambda x: jnp.sin(jnp.arange(x.size, dtype=jnp.float32)).reshape(x.shape)  # noqa: E731
    variables = jax.tree.map(wave, variables)  # no layer is at the zero that it starts from
    out = model.apply(variables, inputs, train=False)
    assert np.abs(out[0] - out[1]).max() > 1e-4
