"""torch cuts the same windows; SciPy's normal densities give the losses; which gradients flow."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from jaxdl.rl.glimpses import GlimpseClassifier, Looked, glimpse_losses, look

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [3, 4])
def test_windows_are_torchs(size):
    torch = pytest.importorskip("torch")
    image = RNG.random((5, 7, 9, 2)).astype(np.float32)
    place = RNG.uniform(-1.2, 1.2, (5, 2)).astype(np.float32)
    place[0] = 0
    offset = np.arange(size) - (size - 1) / 2
    x = place[:, None, None, 0] + offset[None, None, :] * 2 / 8 + 0 * offset[None, :, None]
    y = place[:, None, None, 1] + offset[None, :, None] * 2 / 6 + 0 * offset[None, None, :]
    want = torch.nn.functional.grid_sample(
        torch.tensor(np.float64(image)).movedim(-1, 1),
        torch.tensor(np.stack([x, y], axis=-1)),
        align_corners=True,
    )
    got = look(jnp.array(image), jnp.array(place), size=size)
    np.testing.assert_allclose(got, want.movedim(1, -1).numpy(), atol=1e-5)


@cache
def made(way, train=True, seed=0):
    model = GlimpseClassifier(3, looks=3, size=4, width=8, way=way, deviation=0.3)
    image = jnp.float32(np.random.default_rng(1).random((6, 9, 9, 1)))
    params = jax.jit(partial(model.init, train=False))(jax.random.key(0), image)["params"]
    apply = jax.jit(
        lambda params, key: model.apply(
            {"params": params}, image, train=train, rngs={"dropout": key}
        )
    )
    return params, apply(params, jax.random.key(seed)), apply


def test_losses_are_those_of_normal_densities():
    logits, label = RNG.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    mean, noise = np.tanh(RNG.normal(size=(2, 4, 3, 2)))
    place, baseline = mean + 0.2 * noise, RNG.random((4, 3))
    looked = Looked(*(jnp.float32(x) for x in (logits, place, mean, baseline)))
    got = glimpse_losses(looked, jnp.array(label), way="sampled", deviation=0.2)
    for i in range(4):
        right = float(logits[i].argmax() == label[i])
        decide = expect = 0.0
        for t in (1, 2):  # the first look is no decision
            density = norm(mean[i, t], 0.2).logpdf(place[i, t]).sum()
            decide -= density * (right - baseline[i, t])
            expect += 0.5 * (baseline[i, t] - right) ** 2
        want = logsumexp(logits[i]) - logits[i, label[i]], decide, expect
        np.testing.assert_allclose([part[i] for part in got], want, rtol=1e-4)
    soft = glimpse_losses(looked, jnp.array(label), way="soft", deviation=0.2)
    np.testing.assert_array_equal(soft[0], got[0])
    assert not np.any(soft[1:])


@pytest.mark.parametrize("way", ["sampled", "soft"])
def test_only_a_soft_place_learns_from_the_classifier(way):
    params, _, apply = made(way)
    label = jnp.array([0, 1, 2, 0, 1, 2])

    def parts(params):
        losses = glimpse_losses(apply(params, jax.random.key(0)), label, way=way, deviation=0.3)
        return jnp.stack([loss.sum() for loss in losses])

    grads = jax.device_get(jax.jit(jax.jacrev(parts))(params))
    moved = [
        {
            name: sum(np.abs(x[which]).sum() for x in jax.tree.leaves(layer))
            for name, layer in grads.items()
        }
        for which in range(3)
    ]
    assert moved[0]["window"] > 0
    if way == "soft":
        assert moved[0]["next"] > 0
        return
    assert moved[0]["next"] == 0
    assert {name for name, size in moved[1].items() if size} == {"next"}
    assert {name for name, size in moved[2].items() if size} == {"baseline"}


def test_places_are_drawn_around_the_mean_in_training_alone():
    _, looked, _ = made("sampled")
    np.testing.assert_array_equal(looked.place[:, 0], 0)
    assert (looked.place[:, 1:] != looked.mean[:, 1:]).all()
    _, still, _ = made("sampled", train=False)
    np.testing.assert_array_equal(still.place, still.mean)
    _, first, _ = made("random")
    _, second, _ = made("random", seed=1)
    assert (first.place != second.place).all()
    assert np.abs(first.place).max() > 0.7
    with pytest.raises(ValueError, match="way must be one of sampled"):
        GlimpseClassifier(3, way="guess").init(
            jax.random.key(0), jnp.zeros((1, 9, 9, 1)), train=False
        )
