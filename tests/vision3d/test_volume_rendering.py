"""Volume rendering against float64 loops over samples and the law of a slab of fog."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.vision3d.volume_rendering import composite, stratified

RNG = np.random.default_rng(0)


def in_loops(density, color, t, far, background):
    seen, left = np.zeros(3), 1.0
    for i in range(len(t)):
        delta = (t[i + 1] if i + 1 < len(t) else far) - t[i]
        alpha = 1 - np.exp(-density[i] * delta)
        seen += left * alpha * color[i]
        left *= 1 - alpha
    return seen + left * background, 1 - left


def test_rays_see_what_the_loop_over_samples_sees():
    density = RNG.exponential(3.0, (2, 3, 7))
    color, background = RNG.random((2, 3, 7, 3)), RNG.random(3)
    t = np.sort(RNG.random((2, 3, 7)), axis=-1) + 1
    values = [jnp.asarray(v, jnp.float32) for v in (density, color, t, background)]
    got = jax.jit(composite)(*values[:3], 2.5, values[3])
    for place in np.ndindex(2, 3):
        seen, opacity = in_loops(density[place], color[place], t[place], 2.5, background)
        np.testing.assert_allclose(got.color[place], seen, atol=1e-6)
        np.testing.assert_allclose(got.opacity[place], opacity, atol=1e-6)
        np.testing.assert_allclose(got.weights[place].sum(), opacity, atol=1e-6)


@pytest.mark.parametrize("density", [0.5, 4.0])
def test_a_slab_of_fog_lets_through_exp_of_minus_its_depth(density):
    t = stratified(None, 1.0, 3.0, 50)
    np.testing.assert_allclose(t, 1 + 2 * (np.arange(50) + 0.5) / 50, rtol=1e-6)
    color = jnp.broadcast_to(jnp.array([0.2, 0.5, 0.9]), (50, 3))
    got = composite(jnp.full(50, density), color, t, 3.0, jnp.zeros(3))
    thick = 3.0 - float(t[0])
    np.testing.assert_allclose(got.opacity, 1 - np.exp(-density * thick), rtol=1e-5)
    np.testing.assert_allclose(got.color, (1 - np.exp(-density * thick)) * color[0], rtol=1e-5)
    grad = jax.grad(lambda d: composite(jnp.full(50, d), color, t, 3.0, jnp.zeros(3)).opacity)
    np.testing.assert_allclose(grad(density), thick * np.exp(-density * thick), rtol=1e-3)


def test_one_place_is_drawn_in_each_piece():
    draws = np.stack([stratified(jax.random.key(i), 2.0, 4.0, 8) for i in range(20)])
    piece = np.floor((draws - 2) / 0.25)
    np.testing.assert_array_equal(piece, np.broadcast_to(np.arange(8), piece.shape))
    assert draws.std(axis=0).min() > 0.02
