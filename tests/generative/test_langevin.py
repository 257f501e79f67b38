"""Fields in the plane against Gaussians; modes of a ring; pictures that hold what is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.densities import DENSITIES, EIGHTHS, Points
from jaxdl.generative.langevin import draw_fields, langevin, log_density_slope, plane
from jaxdl.generative.modes import draw_points, mode_centers


def test_slopes_of_a_log_density_are_the_gaussians():
    points = plane(3.0, 5)
    assert points.shape == (25, 2)
    got = log_density_slope(DENSITIES["gaussian"].log_density, points)
    np.testing.assert_allclose(got, -points, atol=1e-5)


def test_langevin_walks_end_in_the_density():
    walk = jax.jit(lambda x, k: langevin(lambda x: -x / 4, x, k, step=0.1, count=200))
    made = walk(jnp.full((4000, 1), 5.0), jax.random.key(0))
    assert float(made.mean()) == pytest.approx(0, abs=0.6)
    assert float(made.std()) == pytest.approx(2, rel=0.1)


def test_the_modes_of_the_ring_are_found():
    rows = Points("eight_gaussians", 4000).rows(np.arange(4000))
    centers = mode_centers(Split(rows, tuple("abcdefgh")))
    want = 4 * np.stack([np.cos(EIGHTHS), np.sin(EIGHTHS)], axis=1)
    np.testing.assert_allclose(centers, want, atol=0.1)


def test_pictures_have_a_panel_a_field_and_all_points():
    points = plane(1.0, 3)
    figure = draw_fields([points, -points], points, ["a", "b"], over=points)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    quiver = figure.axes[1].collections[1]
    length = np.hypot(quiver.U, quiver.V) ** 2
    np.testing.assert_allclose(length, np.linalg.norm(points, axis=1), atol=1e-6)
    drawn = draw_points(points, -points, "samples").axes[0].collections
    np.testing.assert_allclose(drawn[1].get_offsets(), points)
