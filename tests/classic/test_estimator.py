"""Estimators in scikit-learn's own hands: clone, scores and parameters."""

import dataclasses

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score

from jaxdl.checks import DataError, UsageError
from jaxdl.classic.estimator import Classifier, Regressor, rows


@dataclasses.dataclass(kw_only=True, eq=False)
class Largest(Classifier):
    """The label of the largest column; `shift` columns further."""

    shift: int = 0

    def fit(self, x, y):
        self.encode(x, y)
        return self

    def predict(self, x):
        return self.fitted("classes_")[(np.argmax(x, axis=1) + self.shift) % 3]


@dataclasses.dataclass(kw_only=True, eq=False)
class Half(Regressor):
    """Half of the first column."""

    def predict(self, x):
        return np.asarray(x)[:, 0] / 2


X = np.random.default_rng(0).normal(size=(40, 3))


def test_a_clone_has_the_parameters_and_not_what_was_fitted():
    model = Largest(shift=1).fit(X, np.arange(40) % 3)
    again = clone(model)
    assert again.get_params() == {"shift": 1}
    assert again.set_params(shift=2).shift == 2
    with pytest.raises(ValueError, match="call fit before this, 'classes_' is not there"):
        again.predict(X)
    with pytest.raises(UsageError, match="Largest: parameters: there is no 'shfit'.*shift"):
        again.set_params(shfit=1)
    assert is_classifier(model)
    assert is_regressor(Half())


def test_labels_of_any_kind_and_scores_are_scikit_learns():
    y = np.array(["b", "a", "c"])[np.random.default_rng(1).integers(0, 3, 40)]
    model = Largest().fit(X, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    _, codes = model.encode(X, y)
    np.testing.assert_array_equal(model.classes_[codes], y)
    assert model.score(X, y) == accuracy_score(y, model.predict(X))
    target = X[:, 0] + X[:, 1]
    assert Half().score(X, target) == pytest.approx(r2_score(target, Half().predict(X)))
    with pytest.raises(ValueError, match=r"one label per row, got shape \(3,\) for 40 rows"):
        model.encode(X, y[:3])


def test_rows_are_flattened_and_checked():
    assert rows("who", np.ones((5, 2, 3, 1))).shape == (5, 6)
    for bad, words in ((np.ones((0, 2)), "at least one row"), ([[np.inf]], "finite")):
        with pytest.raises(DataError, match=f"who: x must .*{words}"):
            rows("who", bad)
    with pytest.raises(ValueError, match="2 axes"):
        rows("who", np.ones(3))
