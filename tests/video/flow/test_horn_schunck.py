"""A dense float64 solver judges the smooth flow; the known one, a whole pair."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.video.flow.horn_schunck import horn_schunck
from jaxdl.video.flow.made_pairs import make_pair
from tests.video.flow.made_picture import made_picture


@pytest.mark.parametrize("smoothness", [0.2, 0.5])
def test_one_warp_solves_horn_and_schuncks_equations(smoothness):
    height, width = 8, 9
    first, second = np.random.default_rng(0).uniform(size=(2, height, width, 2))
    found = horn_schunck(
        jnp.array(first[None]),
        jnp.array(second[None]),
        levels=1,
        warps=1,
        sweeps=3000,
        smoothness=smoothness,
    )
    dy, dx = np.gradient(second, axis=(0, 1))
    matrix, right = np.zeros((2, height, width, 2, height, width)), np.zeros((2, height, width))
    for i, j in np.ndindex(height, width):
        slope = np.stack([dx[i, j], dy[i, j]])  # (2, channels)
        right[:, i, j] = slope @ (first[i, j] - second[i, j])
        matrix[:, i, j, :, i, j] += slope @ slope.T
        for axis in range(2):
            matrix[axis, i, j, axis, i, j] += smoothness**2
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    weight = {0: 0, 1: 1 / 6, 2: 1 / 12}[abs(down) + abs(across)]
                    y, x = np.clip(i + down, 0, height - 1), np.clip(j + across, 0, width - 1)
                    matrix[axis, i, j, axis, y, x] -= smoothness**2 * weight
    size = 2 * height * width
    want = np.linalg.solve(matrix.reshape(size, size), right.ravel()).reshape(2, height, width)
    np.testing.assert_allclose(found[0], np.moveaxis(want, 0, -1), atol=1e-4)


def test_moves_of_up_to_eight_pixels_are_found():
    first, second, flow = make_pair(made_picture(80, 96), "waves", most=8)
    found = horn_schunck(jnp.array(first[None]), jnp.array(second[None]))[0]
    assert np.linalg.norm(found - flow, axis=-1).mean() < 0.3
