"""Changes of color: what no filter over all frames can tell, and what one over three frames can."""

import jax
import numpy as np

from experiments.video.color_change import ORANGE, Config, make_clips

CFG = Config(noise=0.0, pixels=1)


def colors():
    """-1 blue, 0 halfway, 1 orange: `(clips, frames)`, and labels."""
    x, label = make_clips(CFG, jax.random.key(0), 500, (1, 20))
    return np.asarray(x[:, :, 0, 0, 0]) / ORANGE[0], np.asarray(label)


def test_clips_go_from_blue_to_orange_and_only_half_of_them_directly():
    x, label = colors()
    assert 0.4 < label.mean() < 0.6
    np.testing.assert_array_equal(x[:, 0], -1)
    np.testing.assert_array_equal(x[:, -1], 1)
    assert (np.diff(x, axis=1) >= 0).all()
    np.testing.assert_array_equal((x == 0).any(axis=1), label == 0)


def test_the_middle_gives_any_filter_over_time_the_mean_of_two_direct_changes():
    x, label = colors()
    weights = np.random.default_rng(0).normal(size=20)
    direct = {row.tolist().index(1): row @ weights for row in x[label == 1]}
    for row in x[label == 0]:
        first, second = row.tolist().index(0), row.tolist().index(1)
        if first in direct and second in direct:
            np.testing.assert_allclose(row @ weights, (direct[first] + direct[second]) / 2)


def test_a_difference_of_two_frames_and_a_threshold_tell_them_apart():
    x, label = colors()
    np.testing.assert_array_equal((np.diff(x, axis=1) > 1.5).any(axis=1), label == 1)


def test_changes_stay_within_their_times():
    x, _ = make_clips(CFG, jax.random.key(1), 200, (10, 20))
    np.testing.assert_array_equal(np.asarray(x[:, :10, 0, 0, 0]) / ORANGE[0], -1)
