"""Probes against scikit-learn's LogisticRegression and KNeighborsClassifier on real scans."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxdl.checks import DataError
from jaxdl.data.digits import load_digits
from jaxdl.evaluation.probe import knn_probe, linear_probe


@pytest.fixture(scope="module")
def scans():
    """Digits as features of unequal scale, some of which never change."""
    tables, _ = load_digits()
    scale = 3.0 ** np.arange(64).reshape(8, 8) ** 0.5
    rows = {k: t["image"][..., 0] / 255 * scale + 1 for k, t in tables.items()}
    return {k: (rows[k].reshape(-1, 64), tables[k]["label"]) for k in rows}


@pytest.mark.parametrize("penalty", [3.0, 30.0])
def test_the_linear_probe_is_logistic_regression(scans, penalty):
    (x, y), (test_x, test_y) = scans["train"], scans["test"]
    probe = linear_probe(x, y, penalty=penalty)
    judge = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=5000)
    )
    judge.fit(x, y)
    logits = probe.logits(test_x)
    ours = np.exp(logits - logits.max(axis=1, keepdims=True))
    ours /= ours.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, judge.predict_proba(test_x), atol=0.01)
    assert abs(probe.accuracy(test_x, test_y) - judge.score(test_x, test_y)) < 2 / len(test_y)
    assert probe.gradient < 1e-4


def test_fewer_steps_stop_earlier(scans):
    x, y = scans["train"]
    assert linear_probe(x, y, steps=2).gradient > 1e-2
    assert linear_probe(x, y, tolerance=0.01).gradient > linear_probe(x, y).gradient


@pytest.mark.parametrize("temperature", [None, 0.07, 1.0])
@pytest.mark.parametrize("k", [1, 20])
def test_the_vote_is_that_of_scikit_learn(scans, k, temperature):
    (x, y), (test_x, _) = scans["train"], scans["test"]
    weights = "uniform" if temperature is None else lambda d: np.exp((1 - d) / temperature)
    judge = KNeighborsClassifier(k, metric="cosine", weights=weights).fit(x, y)
    got = knn_probe(x, y, test_x, k=k, temperature=temperature)
    assert np.mean(got == judge.predict(test_x)) > 0.995  # equal distances are float32 here


def test_rows_that_tell_nothing_are_refused():
    x = np.ones((4, 3))
    with pytest.raises(DataError, match="two classes or more, got 1"):
        linear_probe(x, np.zeros(4, int))
    with pytest.raises(ValueError, match=r"features must be \(N, D\).*\(4, 3\) and \(3,\)"):
        knn_probe(x, np.zeros(3, int), x)
