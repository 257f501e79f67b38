"""Growing a texture: distances against loops and SciPy's neighbors; periodic samples go on."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial.distance

from jaxdl.interpret.synthesis.efros_leung import (
    cut_windows,
    distances,
    find_frontier,
    grow_texture,
)

RNG = np.random.default_rng(0)
SAMPLE = RNG.integers(0, 256, (9, 8, 3), dtype=np.uint8)


def test_distances_are_scipys_over_the_known_pixels():
    windows = cut_windows(SAMPLE, 5)
    assert windows.values.shape == (5 * 4, 75)
    np.testing.assert_array_equal(windows.middles[5], SAMPLE[3, 3])  # second row, second column
    place, mask = RNG.normal(size=(5, 5, 3)) * 100, np.zeros((5, 5, 3))
    mask[:3] = RNG.uniform(0.2, 1, (3, 5, 3))
    got = distances(windows.values, windows.values**2, place, mask)
    want = scipy.spatial.distance.cdist(
        windows.values, place.reshape(1, -1), "sqeuclidean", w=mask.ravel()
    )[:, 0]
    np.testing.assert_allclose(got, want / mask.sum(), rtol=1e-6)


def test_the_frontier_is_what_a_dilation_adds_best_known_first():
    known = np.zeros((14, 13), bool)
    known[4:8, 5:9] = True
    known[8, 5] = True
    places = find_frontier(known, 2)
    added = scipy.ndimage.binary_dilation(known, np.ones((3, 3))) & ~known
    added[:2] = added[-2:] = added[:, :2] = added[:, -2:] = False
    assert {tuple(p) for p in places} == {tuple(p) for p in np.argwhere(added)}
    counts = [known[r - 2 : r + 3, c - 2 : c + 3].sum() for r, c in places]
    assert counts == sorted(counts, reverse=True)


def test_stripes_go_on_as_stripes():
    rows = np.array([0, 0, 90, 200], np.uint8)[np.arange(16) % 4]
    sample = np.broadcast_to(rows[:, None, None], (16, 12, 1)).copy()
    made = grow_texture(sample, (14, 15), window=7, tolerance=0.0)
    assert made.dtype == np.uint8
    assert (made == made[:, :1]).all()
    for a, b in zip(made[:-4, 0], made[4:, 0], strict=True):
        assert a == b
    assert set(made[:4, 0, 0].tolist()) == {0, 90, 200}


@pytest.mark.parametrize("window", [3, 5])
def test_every_pixel_is_one_of_the_sample_and_a_seed_gives_the_same(window):
    made = grow_texture(SAMPLE, (7, 11), window=window, seed=3)
    assert made.shape == (7, 11, 3)
    colors = {tuple(c) for c in SAMPLE.reshape(-1, 3).tolist()}
    assert {tuple(c) for c in made.reshape(-1, 3).tolist()} <= colors
    np.testing.assert_array_equal(made, grow_texture(SAMPLE, (7, 11), window=window, seed=3))
    assert (made != grow_texture(SAMPLE, (7, 11), window=window, seed=4)).any()


def test_a_large_tolerance_draws_among_all():
    exact, loose = (grow_texture(SAMPLE, (8, 8), window=3, tolerance=t) for t in (0.0, 50.0))
    assert (exact != loose).any()


def test_what_cannot_be_is_named():
    for window in (4, 9, 1):
        with pytest.raises(ValueError, match=rf"odd, and from 3 to.*got {window}"):
            grow_texture(SAMPLE, (8, 8), window=window)
    with pytest.raises(ValueError, match="size must be at least 3, got 2"):
        grow_texture(SAMPLE, (2, 8), window=3)
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        grow_texture(SAMPLE, (8, 8), window=3, tolerance=-1.0)
