"""Ascent on a linear network against NumPy loops and SciPy's blur; units and directions by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, Unit, scores
from jaxdl.interpret.open_network import Pixels
from jaxdl.interpret.synthesis.ascent import Ascent, climb, roughness
from jaxdl.interpret.synthesis.targets import Channel, Direction, Energy
from tests.interpret.tiny_nets import Cubic, network_of, pictures

X = pictures(side=8)
NETWORK = network_of(Cubic(), X)
WIDE = Pixels((0.5, 0.5, 0.5), (0.02, 0.02, 0.02))  # values from -25 to 25
NARROW = Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # from -1 to 1


@pytest.mark.parametrize(
    ("pixels", "how"),
    [
        (WIDE, Ascent(5, 3.0, 0.1, 0, 0)),
        (NARROW, Ascent(7, 2.0, 0.0, 3, 3, 0.5)),
        (WIDE, Ascent(4, 1.0, 0.2, 2, 2, 1.0)),
    ],
)
def test_steps_are_those_of_the_formula(pixels, how):
    key = jax.random.key(3)
    weights = np.asarray(NETWORK.variables["params"]["head"]["kernel"], np.float64)
    target = (1, 2)
    want = np.asarray(X, np.float64)
    low, high = (0 - pixels.mean[0]) / pixels.std[0], (1 - pixels.mean[0]) / pixels.std[0]
    for step in range(how.steps):
        drawn = jax.random.randint(jax.random.fold_in(key, step), (2,), -how.jitter, how.jitter + 1)
        dy, dx = (int(n) for n in drawn)
        for b in range(2):
            rolled = np.roll(want[b], (dy, dx), (0, 1))
            gradient = weights[:, target[b]].reshape(8, 8, 3) - 2 * how.penalty * rolled
            rolled = rolled + how.lr * gradient / np.sqrt((gradient**2).sum())
            want[b] = np.clip(np.roll(rolled, (-dy, -dx), (0, 1)), low, high)
        if how.blur_every and step % how.blur_every == 0 and step < how.steps - 1:
            want = scipy.ndimage.gaussian_filter(want, (0, how.sigma, how.sigma, 0))
    got = climb(NETWORK, X, target, pixels, how, key=key)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4)


def test_a_picture_without_a_gradient_stays():
    got = climb(NETWORK, X, lambda s: 0 * s["map"].sum((1, 2, 3)), WIDE, Ascent(2, 1.0, 0.0, 0, 0),
                key=jax.random.key(0))  # fmt: skip
    np.testing.assert_allclose(got, X, atol=1e-5)


def test_channels_directions_and_energies_are_by_hand():
    values = np.asarray(X, np.float64)
    v = (3.0, 0.0, -4.0)
    for target, want in (
        (Unit("map", (1, 2, 0)), values[:, 1, 2, 0]),
        (Channel("map", 2), values[..., 2].mean((1, 2))),
        (Direction("map", v), ((3 * values[..., 0] - 4 * values[..., 2]) / 5).mean((1, 2))),
        (Direction("logits", v), np.asarray(NETWORK(X)["logits"], np.float64) @ [0.6, 0, -0.8]),
        (Energy("map"), (values**2).sum((1, 2, 3))),
    ):
        np.testing.assert_allclose(scores(NETWORK, X, target), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Channel("mop", 0), "there is no 'mop'; did you mean map"),
        (Channel("map", 3), "channel 3 of map: must be in 0 to 2"),
        (Direction("map", (1.0, 2.0)), "must be 3 numbers.*got 2"),
        (Direction("map", (0.0, 0.0, 0.0)), "not all 0"),
        (Energy("mop"), "there is no 'mop'"),
    ],
)
def test_a_target_that_cannot_be_is_named(target, words):
    with pytest.raises(ValueError, match=words):
        scores(NETWORK, X, target)


def test_options_that_cannot_be_are_named():
    for options in ({"steps": -1}, {"lr": 0.0}, {"jitter": -2}, {"sigma": 0.0}):
        with pytest.raises(ValueError, match=f"{next(iter(options))}.*must be|lr and sigma > 0"):
            Ascent(**options)


def test_values_and_pictures_are_each_others_inverse():
    pixels = Pixels()
    x = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    np.testing.assert_allclose(pixels.pictures(pixels.values(x)) * 255, x, atol=1e-3)
    outside = pixels.values(np.array([-0.5, 0.5, 1.5]).reshape(1, 1, 1, 3))
    np.testing.assert_allclose(
        pixels.pictures(pixels.clip(outside)).ravel(), [0, 0.5, 1], atol=1e-6
    )
    np.testing.assert_allclose(pixels.pictures(jnp.full((1, 1, 1, 3), 9.0)), 1.0)


def test_differences_of_neighbors_are_weighed_along_each_axis():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 3))
    weights = (0.5, 2.0, 0.1)
    want = [
        sum(w * (np.diff(x[b], axis=i) ** 2).sum() for i, w in enumerate(weights)) for b in (0, 1)
    ]
    got = roughness(jnp.asarray(x, jnp.float32), weights)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    with pytest.raises(UsageError, match=r"3 weights.*\(0.5,\)"):
        roughness(jnp.zeros((1, 2, 2, 2, 3)), (0.5,))


class Itself(nn.Module):
    """A network whose one stage is its input."""

    @nn.compact
    def __call__(self, x, *, train, stages=False):
        return {"x": x}


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_clip_is_smoothed_over_frames_and_places_apart(axis):
    """Without a score, steps down the squared differences leave less along the weighed axis."""
    x = np.random.default_rng(1).normal(size=(1, 4, 6, 6, 3)).astype(np.float32)
    how = Ascent(10, 1.0, 0.0, 1, 0, smooth=tuple(float(axis == other) for other in (1, 2, 3)))
    network, key = Network({}, Itself()), jax.random.key(0)
    got = climb(network, x, lambda s: 0 * s["x"].sum((1, 2, 3, 4)), WIDE, how, key=key)
    left = [(np.diff(got, axis=i) ** 2).sum() / (np.diff(x, axis=i) ** 2).sum() for i in (1, 2, 3)]
    assert int(np.argmin(left)) == axis - 1
    assert left[axis - 1] < 0.7
