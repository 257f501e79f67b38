"""Recall against loops, and against scikit-learn's top-k accuracy where one candidate is right."""

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from jaxdl.metrics.retrieval import recall_at


@pytest.mark.parametrize("k", [1, 3])
def test_recall_is_that_of_loops(k):
    draw = np.random.default_rng(0)
    scores, match = draw.normal(size=(30, 9)), draw.random((30, 9)) < 0.2
    match[4] = False  # asks for nothing
    hits = []
    for row, right in zip(scores, match, strict=True):
        if right.any():
            ranked = sorted(range(9), key=lambda i: -row[i])
            hits.append(any(right[i] for i in ranked[:k]))
    assert len(hits) < 30
    assert recall_at(scores, match, k) == pytest.approx(np.mean(hits))
    label = draw.integers(0, 9, 30)
    want = top_k_accuracy_score(label, scores, k=k, labels=np.arange(9))
    assert recall_at(scores, label[:, None] == np.arange(9), k) == pytest.approx(want)


def test_of_equal_scores_the_first_is_taken():
    assert recall_at(np.zeros((1, 3)), np.array([[False, True, True]]), 1) == 0


@pytest.mark.parametrize(
    ("shape", "right", "k", "word"),
    [((2, 3), True, 0, "k"), ((2, 4), True, 1, r"\(2, 3\) and"), ((2, 3), False, 1, "no query")],
)
def test_what_cannot_be_asked_is_refused(shape, right, k, word):
    with pytest.raises(ValueError, match=word):
        recall_at(np.zeros((2, 3)), np.full(shape, right), k)
