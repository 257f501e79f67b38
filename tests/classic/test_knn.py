"""Nearest neighbors and cross-validation against scikit-learn's."""

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from jaxdl.classic.knn import KNearest, cross_validate, fold_rows, vote


def test_votes_count_and_ties_go_to_the_smallest_label():
    labels = np.array([[2, 1, 1, 2, 0], [3, 0, 3, 3, 0]])
    votes = vote(labels, num_classes=4)
    np.testing.assert_array_equal(votes, [[2, 1, 1, 1, 1], [3, 0, 3, 3, 3]])


@pytest.mark.parametrize("k", [1, 4])
def test_labels_are_scikit_learns(k):
    x, y = load_digits(return_X_y=True)
    theirs = KNeighborsClassifier(k, algorithm="brute").fit(x[:900], y[:900])
    ours = KNearest(k=k).fit(x[:900], y[:900])
    np.testing.assert_array_equal(ours.predict(x[900:]), theirs.predict(x[900:]))
    assert ours.score(x[900:], y[900:]) == theirs.score(x[900:], y[900:])


def test_labels_may_be_words():
    model = KNearest(k=1, metric="l1").fit(np.array([[0.0], [1.0]]), np.array(["no", "yes"]))
    np.testing.assert_array_equal(model.predict(np.array([[0.9], [0.2]])), ["yes", "no"])


def test_scikit_learns_tools_accept_it():
    x, y = load_digits(return_X_y=True)
    ours = cross_val_score(KNearest(k=3), x[:600], y[:600], cv=3)
    theirs = cross_val_score(KNeighborsClassifier(3), x[:600], y[:600], cv=3)
    np.testing.assert_allclose(ours, theirs)
    search = GridSearchCV(KNearest(), {"k": [1, 50]}, cv=3).fit(x[:300], y[:300])
    assert search.best_params_ == {"k": 1}


@pytest.mark.parametrize("metric", ["l2", "l1"])
def test_cross_validation_is_scikit_learns(metric):
    x, y = load_digits(return_X_y=True)
    x, y = x[:500] + np.random.default_rng(0).normal(scale=0.01, size=(500, 64)), y[:500]  # no ties
    ours = cross_validate(x, y, ks=(1, 5), folds=5, metric=metric)
    name = {"l2": "euclidean", "l1": "manhattan"}[metric]
    for row, k in zip(ours, (1, 5), strict=True):
        theirs = cross_val_score(KNeighborsClassifier(k, metric=name), x, y, cv=KFold(5))
        np.testing.assert_allclose(row, theirs)


def test_folds_hold_every_row_once_and_a_key_shuffles_them():
    plain, mixed = fold_rows(11, 3), fold_rows(11, 3, jax.random.key(0))
    assert [len(part) for part in plain] == [len(part) for part in mixed] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(plain), np.arange(11))
    assert sorted(np.concatenate(mixed)) == list(range(11))
    assert list(np.concatenate(mixed)) != list(range(11))


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"KNearest: call fit before this"):
        KNearest().predict(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"there is no 'kk'; did you mean k"):
        KNearest().set_params(kk=3)
    with pytest.raises(ValueError, match=r"y must have one label per row.*\(2,\).*3 rows"):
        KNearest().fit(np.ones((3, 2)), [0, 1])
    with pytest.raises(ValueError, match="x must be finite"):
        KNearest().fit(np.full((2, 2), np.nan), [0, 1])
