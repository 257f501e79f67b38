"""Hand examples and float64 loops judge segments of time; box operations, their boxes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.metrics.voc_ap import overlaps
from jaxdl.video.localization.segments import (
    anchor_segments,
    as_boxes,
    decode_segments,
    encode_segments,
    match_segments,
    pool_segments,
    temporal_iou,
)

A = jnp.array([[0.0, 4.0], [2.0, 6.0], [3.0, 3.0]])
B = jnp.array([[0.0, 4.0], [3.0, 5.0], [8.0, 9.0], [3.0, 3.0]])


def test_overlaps_by_hand_and_as_boxes():
    want = [[1, 1 / 5, 0, 0], [1 / 3, 1 / 2, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(jax.jit(temporal_iou)(A, B), want, atol=1e-6)
    np.testing.assert_allclose(overlaps(np.array(as_boxes(A)), np.array(as_boxes(B))), want)


def test_anchors_stand_around_the_centers_of_cells():
    want = [[-2, 6], [1, 3], [2, 10], [5, 7]]
    np.testing.assert_allclose(jax.jit(lambda: anchor_segments(2, 4, (8, 2)))(), want)


def test_offsets_are_shift_over_length_and_log_length_and_come_back():
    offsets = jax.jit(encode_segments)(jnp.array([[0.0, 8.0]]), jnp.array([[6.0, 10.0]]))
    np.testing.assert_allclose(offsets, [[0.5, np.log(0.5)]], rtol=1e-6)
    draw = np.random.default_rng(0).uniform(0, 50, (2, 20, 2))
    anchors, segments = jnp.array(np.sort(draw, axis=-1) + np.array([0, 1]))
    back = jax.jit(lambda a, s: decode_segments(a, encode_segments(a, s)))
    np.testing.assert_allclose(back(anchors, segments), segments, atol=1e-3)


def test_features_inside_are_numpys_linear_interpolation():
    features = np.random.default_rng(0).normal(size=(6, 3))
    segments = np.array([[0.0, 24.0], [5.0, 9.5], [-4.0, 3.0]])
    pool = jax.jit(partial(pool_segments, bins=4, stride=4))
    found = pool(jnp.array(features), jnp.array(segments))
    centers = np.arange(6) * 4 + 2.0  # of cells, in steps
    for i, (start, end) in enumerate(segments):
        places = start + (np.arange(4) + 0.5) / 4 * (end - start)
        want = np.stack([np.interp(places, centers, f) for f in features.T], axis=-1)
        np.testing.assert_allclose(found[i], want, atol=1e-5)


def test_each_candidate_gets_the_kept_truth_that_it_overlaps_most():
    place, overlap = jax.jit(match_segments)(A, B, jnp.array([False, True, True, True]))
    assert place[:2].tolist() == [1, 1]
    np.testing.assert_allclose(overlap, [1 / 5, 1 / 2, 0], atol=1e-6)
