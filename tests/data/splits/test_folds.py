"""Folds against scikit-learn's, and the rows that a fold trains on against a split of them."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from jaxdl.checks import UsageError
from jaxdl.data.splits.folds import fold_of_rows, fold_splits
from jaxdl.data.splits.split import Split

LABELS = np.random.default_rng(0).choice(7, 103, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_are_stratified_as_scikit_learns_are(folds):
    fold = fold_of_rows(LABELS, folds, seed=3)
    counts = np.array([np.bincount(LABELS[fold == k], minlength=7) for k in range(folds)])
    cut = StratifiedKFold(folds, shuffle=True, random_state=0).split(LABELS, LABELS)
    want = np.array([np.bincount(LABELS[held], minlength=7) for _, held in cut])
    assert (np.sort(counts, axis=0) == np.sort(want, axis=0)).all()
    assert np.ptp(counts.sum(axis=1)) <= 1
    assert counts.sum() == len(LABELS)


def test_the_seed_decides():
    one, again, other = (fold_of_rows(LABELS, 5, seed) for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize("folds", [1, 104])
def test_a_number_of_folds_that_cannot_be_is_refused(folds):
    with pytest.raises(UsageError, match=rf"2\.\.103.*got {folds}"):
        fold_of_rows(LABELS, folds, 0)


def test_every_row_is_held_out_once_and_never_trained_on_then():
    split = Split({"x": np.arange(103), "label": LABELS}, batch_size=8)
    pairs = fold_splits(split, 4, seed=0)
    held_of_all = np.concatenate([held.read("x") for _, held in pairs])
    assert (np.sort(held_of_all) == np.arange(103)).all()
    for train, held in pairs:
        seen = train.resident()["x"][train.rows(0, 3 * train.steps_per_epoch)]
        assert not set(seen.ravel()) & set(held.read("x"))
        rest = split.take(np.setdiff1d(np.arange(103), held.read("x")), name="rest")
        assert (seen == rest.read("x")[rest.rows(0, 3 * rest.steps_per_epoch)]).all()
        assert train.resident()["x"] is split.resident()["x"]  # one copy for all folds
