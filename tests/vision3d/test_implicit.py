"""Implicit surfaces: formulas in loops, and surfaces extracted from fields that are known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.meshes.mesh import enclosed_volume, euler_number, openings
from jaxdl.vision3d.implicit import (
    ImplicitField,
    ask,
    below_zero_inside,
    extract,
    field_of,
    fourier_features,
    implicit_loss,
)

RNG = np.random.default_rng(0)


def test_features_are_the_place_and_its_waves():
    x = RNG.normal(size=(5, 3))
    got = np.asarray(fourier_features(jnp.asarray(x), 2))
    assert got.shape == (5, 15)
    for row, place in zip(got, x, strict=True):
        waves = [f(np.pi * 2**k * v) for k in range(2) for f in (np.sin, np.cos) for v in place]
        np.testing.assert_allclose(sorted(row), sorted([*place, *waves]), atol=1e-5)
    assert fourier_features(jnp.asarray(x), 0).shape == (5, 3)


@pytest.mark.parametrize("clamp", [0.1, 0.5])
def test_losses_are_their_formulas(clamp):
    output, distance = RNG.normal(size=20) * 0.3, RNG.normal(size=20) * 0.3
    batch = {"inside": jnp.asarray(distance < 0), "distance": jnp.asarray(distance)}
    loss = partial(implicit_loss, jnp.asarray(output), batch, clamp=clamp)
    want = [
        abs(min(max(a, -clamp), clamp) - min(max(b, -clamp), clamp))
        for a, b in zip(output, distance, strict=True)
    ]
    np.testing.assert_allclose(loss(target="distance"), want, atol=1e-6)
    p = 1 / (1 + np.exp(-output))
    want = -np.log(np.where(distance < 0, p, 1 - p))
    np.testing.assert_allclose(loss(target="occupancy"), want, rtol=1e-5)
    with pytest.raises(UsageError, match="'depth'"):
        loss(target="depth")
    assert below_zero_inside(jnp.float32(2), "occupancy") == -2
    assert below_zero_inside(jnp.float32(2), "distance") == 2


def test_surfaces_of_known_fields_are_closed_with_their_volume():
    ball = extract(jax.jit(lambda x: jnp.sqrt(jnp.sum(x**2, axis=-1)) - 0.4), 24, bound=0.5)
    assert openings(ball) == (0, 0, 0)
    assert euler_number(ball) == 2
    np.testing.assert_allclose(enclosed_volume(ball), 4 / 3 * np.pi * 0.4**3, rtol=0.02)
    cube = extract(lambda x: jnp.max(jnp.abs(x), axis=-1) - 9.0, 5, bound=0.5)  # full to the border
    assert openings(cube) == (0, 0, 0)
    assert enclosed_volume(cube) > 1
    places = RNG.normal(size=(7, 3)).astype(np.float32)
    np.testing.assert_allclose(ask(lambda x: x[:, 1], places), places[:, 1])


def test_the_network_is_asked_as_a_field():
    model = ImplicitField(width=8, depth=3, octaves=1)
    x = jnp.asarray(RNG.normal(size=(6, 3)), jnp.float32)
    variables = model.init(jax.random.key(0), x, train=False)
    output = model.apply(variables, x, train=False)
    assert output.shape == (6,)
    np.testing.assert_allclose(field_of(model, variables, "occupancy")(x), -output, rtol=1e-5)
    np.testing.assert_allclose(field_of(model, variables, "distance")(x), output, rtol=1e-5)
    kernels = {name: p["kernel"].shape for name, p in variables["params"].items()}
    assert kernels == {"hidden0": (9, 8), "hidden1": (17, 8), "hidden2": (8, 8), "out": (8, 1)}
