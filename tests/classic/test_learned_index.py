"""A learned index against np.searchsorted, its lines against np.polyfit."""

import numpy as np
import pytest

from jaxdl.classic.learned_index import LearnedIndex, bisect, fit_index, fit_line, root_share


def make_keys(kind: str, count: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(1)
    drawn = {
        "lognormal": lambda: np.floor(rng.lognormal(0, 2, count) * 1e9),
        "uniform": lambda: rng.random(count) * 1e6 - 5e5,
        "steps": lambda: np.concatenate([np.arange(count // 2), 1e9 + np.arange(count // 2)]),
    }
    return np.unique(drawn[kind]().astype(np.float64))


@pytest.mark.parametrize("kind", ["lognormal", "uniform", "steps"])
def test_every_answer_is_searchsorteds(kind):
    keys = make_keys(kind)
    index = fit_index(keys, lines=60, hidden=8, steps=50)
    rng = np.random.default_rng(2)
    queries = [keys, np.nextafter(keys, np.inf), np.nextafter(keys, -np.inf)]
    queries = np.concatenate([*queries, rng.uniform(keys[0], keys[-1], 2000), [-1e300, 1e300]])
    expected = np.searchsorted(keys, queries)
    found, comparisons = index.search(queries)
    np.testing.assert_array_equal(found, expected)
    low, high = index.windows(queries)  # the bounds hold by themselves, without the second search
    assert ((low <= expected) & (expected <= high)).all()
    assert comparisons.mean() < np.log2(len(keys)) + 2


def test_a_window_that_misses_is_noticed_and_the_answer_is_still_right():
    keys = make_keys("uniform", 500)
    index = fit_index(keys, lines=5, hidden=4, steps=5)
    lines = index.lines.copy()
    lines[:, 5] = 0  # says that no line is ever off
    found, _ = LearnedIndex(keys, index.root, lines).search(keys)
    np.testing.assert_array_equal(found, np.arange(len(keys)))
    low, high = LearnedIndex(keys, index.root, lines).windows(keys)
    assert ((np.arange(len(keys)) < low) | (np.arange(len(keys)) > high)).any()


def test_a_line_is_least_squares_and_its_error_the_largest():
    keys = make_keys("lognormal", 200)
    center, slope, intercept, first, last, error = fit_line(keys, 40, 90)
    expected = np.polyfit(keys[40:90] - keys[40:90].mean(), np.arange(40, 90), 1)
    np.testing.assert_allclose([slope, intercept], expected, rtol=1e-9)
    off = np.abs(np.polyval(expected, keys[40:90] - center) - np.arange(40, 90)).max()
    assert (first, last) == (40, 90)
    assert error == pytest.approx(off + 1)


def test_the_root_learns_the_share_of_keys_below_and_never_falls():
    keys = make_keys("lognormal")
    share = (np.arange(len(keys)) + 0.5) / len(keys)
    errors = []
    for steps in (0, 500):
        root = fit_index(keys, lines=1, hidden=8, steps=steps).root
        said = root_share(root, keys, np)
        assert (np.diff(said) >= -1e-12).all()
        errors.append(np.abs(said - share).mean())
    assert errors[1] < min(0.02, errors[0])


def test_bisect_counts_what_binary_search_reads():
    keys = np.arange(1024.0)
    ends = np.zeros(1024, np.int64), np.full(1024, 1024)
    found, comparisons = bisect(keys, keys, *ends)
    np.testing.assert_array_equal(found, np.arange(1024))
    assert set(comparisons) <= {10, 11}


@pytest.mark.parametrize("keys", [[1.0, 1.0], [2.0, 1.0], [1.0], [1.0, np.nan]])
def test_keys_that_do_not_ascend_are_refused(keys):
    with pytest.raises(ValueError, match="ascend strictly"):
        fit_index(np.array(keys))
