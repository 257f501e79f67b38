"""Worked cases judge the known flows, and a picture that is a plane, the pairs."""

import numpy as np
import pytest

from jaxdl.video.flow.made_pairs import KINDS, known_flow, make_pair


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [2.0, 8.0])
def test_the_longest_move_is_as_said(kind, most):
    lengths = np.linalg.norm(known_flow(kind, 20, 30, most=most), axis=-1)
    np.testing.assert_allclose(lengths.max(), most, rtol=1e-5)


def test_a_turn_is_across_the_way_to_the_middle_and_a_zoom_along_it():
    y, x = np.mgrid[:20, :30] - np.array([9.5, 14.5])[:, None, None]
    turn, zoom = (known_flow(kind, 20, 30, most=3) for kind in ("turn", "zoom"))
    np.testing.assert_allclose(turn[..., 0] * x + turn[..., 1] * y, 0, atol=0.5)
    np.testing.assert_allclose(zoom[..., 0] * y - zoom[..., 1] * x, 0, atol=0.5)


def test_the_first_picture_shows_what_the_flow_points_at():
    y, x = np.mgrid[:40, :50]
    plane = np.stack([2 * x + y, 3 * y, x + y], axis=-1).astype(np.uint8)
    first, second, flow = make_pair(plane, "waves", most=5)
    u, v = np.moveaxis(flow, -1, 0)
    want = second * 255 + np.stack([2 * u + v, 3 * v, u + v], axis=-1)
    assert first.shape == (30, 40, 3)
    np.testing.assert_allclose(first[3:-3, 3:-3] * 255, want[3:-3, 3:-3], atol=0.02)
