"""SciPy's bilinear interpolation judges warping; the corners of a picture, what stays inside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jaxdl.video.flow.warp import endpoint_error, stays_inside, warp


def test_warp_is_scipys_interpolation_at_the_moved_places():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(2, 7, 9, 3)).astype(np.float32)
    flow = rng.uniform(-4, 4, size=(2, 7, 9, 2)).astype(np.float32)
    rows, columns = np.mgrid[:7, :9]
    want = np.empty_like(images)
    for b, c in np.ndindex(2, 3):
        places = (rows + flow[b, ..., 1], columns + flow[b, ..., 0])
        want[b, ..., c] = map_coordinates(images[b, ..., c], places, order=1, mode="nearest")
    np.testing.assert_allclose(jax.jit(warp)(jnp.array(images), jnp.array(flow)), want, atol=1e-5)


def test_what_leaves_at_each_side_is_told():
    flow = jnp.zeros((1, 2, 3, 2)).at[0, 0, 0].set(jnp.array([-0.6, 0.0]))
    flow = flow.at[0, 1, 2].set(jnp.array([0.4, 0.6])).at[0, 0, 2].set(jnp.array([0.5, -0.5]))
    assert jax.jit(stays_inside)(flow)[0].tolist() == [[False, True, True], [True, True, False]]


def test_endpoint_error_is_the_length_of_the_difference():
    error = endpoint_error(jnp.array([[3.0, 4.0], [1.0, 1.0]]), jnp.array([[0.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(error, [5, 0], atol=1e-6)


def test_a_flow_of_another_size_is_refused():
    with pytest.raises(
        ValueError, match=r"flow must have shape \(1, 4, 4, 2\), got \(1, 4, 3, 2\)"
    ):
        warp(jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 3, 2)))
