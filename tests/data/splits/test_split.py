"""Which rows stand in which step: a matter of seed and step alone."""

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.splits.split import NoData, Split, permutation, stratified_split

MASK = 2**64 - 1


def philox_words(counter, key):
    """Philox4x64-10 (Salmon et al. 2011, section 3.3), in Python integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(b >> 64) ^ c[1] ^ k[0], b & MASK, (a >> 64) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return c


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (3, 7)])
def test_the_order_is_the_argsort_of_philox(seed, epoch):
    words = [w for block in range(1, 5) for w in philox_words([block, 0, 0, 0], [seed, epoch])]
    np.testing.assert_array_equal(permutation(16, seed, epoch), np.argsort(words))


def split(size=10, batch_size=3, **options):
    return Split({"x": np.arange(size)}, batch_size=batch_size, **options)


def test_an_epoch_holds_whole_batches_of_distinct_rows():
    rows = split().indices(0)
    assert rows.shape == (3, 3)
    assert len(set(rows.ravel())) == 9
    assert not np.array_equal(rows, split().indices(1))
    assert not np.array_equal(rows, split(seed=1).indices(0))
    np.testing.assert_array_equal(split(shuffle=False).indices(5).ravel(), np.arange(9))


def test_steps_are_the_same_from_wherever_one_starts():
    whole = split().rows(0, 20)
    np.testing.assert_array_equal(whole[:3], split().indices(0))
    for start in range(0, 20):
        np.testing.assert_array_equal(split().feed(start, 20), whole[start:])


@pytest.mark.parametrize("size", [1, 8, 9, 10])
@pytest.mark.parametrize("most", [1, 2, 100])
def test_once_gives_every_row_exactly_once(size, most):
    seen = []
    for rows, mask in split(size).once(3, most):
        assert rows.shape == mask.shape
        assert len(rows) <= most
        seen += list(rows[mask])
    assert seen == list(range(size))


def test_gather_takes_rows_of_every_array():
    made = Split({"x": np.arange(4), "y": np.arange(8).reshape(4, 2)}, batch_size=2)
    batch = made.gather(made.resident(), np.array([2, 0]))
    np.testing.assert_array_equal(batch["x"], [2, 0])
    np.testing.assert_array_equal(batch["y"], [[4, 5], [0, 1]])


def test_no_data_gives_empty_batches():
    made = NoData(5, batch_size=4)
    assert made.gather(made.resident(), made.feed(0, 1)[0]) == {}
    assert made.steps_per_epoch == 5


def test_carve_keeps_the_shares_of_the_labels():
    labels = np.repeat([0, 1, 2], [50, 30, 20])[permutation(100, 9, 9)]
    rest, part = stratified_split(labels, 10, seed=0)
    np.testing.assert_array_equal(np.bincount(labels[part]), [5, 3, 2])
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, part])), np.arange(100))
    assert not np.array_equal(part, stratified_split(labels, 10, seed=1)[1])
    np.testing.assert_array_equal(part, stratified_split(labels, 10, seed=0)[1])


def test_take_makes_a_split_of_some_rows():
    np.testing.assert_array_equal(split().take(np.array([4, 2]), name="val").read("x"), [4, 2])


def test_what_cannot_be_a_split_is_refused():
    with pytest.raises(DataError, match=r"'train' has no rows"):
        split(0)
    with pytest.raises(DataError, match="10 rows, fewer than one batch of 11"):
        _ = split(10, 11).steps_per_epoch
    with pytest.raises(DataError, match=r"equally many rows.*'x': 2.*'y': 3"):
        Split({"x": np.zeros(2), "y": np.zeros(3)})
    with pytest.raises(UsageError, match="batch_size must be at least 1, got 0"):
        split(10, 0)
    with pytest.raises(UsageError, match="between 1 and 9 rows, got 10"):
        stratified_split(np.zeros(10, int), 10, 0)
