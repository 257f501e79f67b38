"""Accuracy, confusion and rates against scikit-learn's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.metrics.accumulate import finish
from jaxdl.metrics.classification import (
    accuracy,
    confusion_matrix,
    precision_recall_f1,
    top_k_accuracy,
    wilson_interval,
)

reference: Any = pytest.importorskip("sklearn.metrics")


def data(seed=0, rows=40, classes=5) -> Any:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(rows, classes)).astype(np.float32),
        rng.integers(classes, size=rows),
        rng.uniform(size=rows).astype(np.float32),
    )


@pytest.mark.parametrize("kind", ["none", "weights", "mask"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_is_scikit_learns(k, kind):
    logits, labels, weights = data()
    weights = {"none": None, "weights": weights, "mask": weights > 0.5}[kind]
    got = jax.jit(lambda z, y, w: {"a": top_k_accuracy(z, y, w, k=k)})(logits, labels, weights)
    labels_known = {"labels": np.arange(5)}
    if k < 5:
        want = reference.top_k_accuracy_score(
            labels, logits, k=k, sample_weight=weights, **labels_known
        )
    else:
        want = 1.0
    assert finish(got)["a"] == pytest.approx(want, abs=1e-6)
    if k == 1:
        want = reference.accuracy_score(labels, logits.argmax(1), sample_weight=weights)
        assert finish({"a": accuracy(logits, labels, weights)})["a"] == pytest.approx(want)


def test_ties_go_to_the_smallest_class_and_nan_is_wrong():
    logits = jnp.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [jnp.nan, 0.0, 1.0], [0.0, jnp.nan, 1.0]])
    labels = jnp.array([0, 1, 0, 2])
    assert accuracy(logits, labels)[0] == 1
    assert top_k_accuracy(logits, labels, k=2)[0] == 3


def test_a_map_of_labels_counts_every_place():
    logits, labels, _ = data()
    flat = accuracy(logits, labels)
    folded = accuracy(logits.reshape(4, 10, 5), labels.reshape(4, 10))
    assert tuple(map(float, flat)) == tuple(map(float, folded))


@pytest.mark.parametrize("weighted", [False, True])
def test_confusion_matrices_of_batches_add_up(weighted):
    logits, labels, weights = data()
    found = logits.argmax(1)
    matrix = sum(
        confusion_matrix(
            found[rows], labels[rows], weights[rows] if weighted else None, num_classes=5
        )
        for rows in (slice(0, 16), slice(16, 40))
    )
    want = reference.confusion_matrix(labels, found, sample_weight=weights if weighted else None)
    np.testing.assert_allclose(matrix, want, rtol=1e-5)


def test_masked_rows_are_not_counted():
    matrix = confusion_matrix(
        jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), jnp.array([True, True, False]), num_classes=3
    )
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("classes", [2, 5])
def test_rates_are_scikit_learns(classes):
    logits, labels, _ = data(3, classes=classes)
    found = logits.argmax(1)
    found[found == 1] = 0  # class 1 is never predicted
    rates = precision_recall_f1(confusion_matrix(found, labels, num_classes=classes))
    want = reference.precision_recall_fscore_support(labels, found, zero_division=0)
    for ours, theirs in zip(rates, want, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_errors():
    logits, labels, _ = data()
    with pytest.raises(ValueError, match=r"labels must have shape \(40,\), got \(39,\)"):
        accuracy(logits, labels[1:])
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.5, got 6"):
        top_k_accuracy(logits, labels, k=6)
    with pytest.raises(ValueError, match="confusion must have 2 axes"):
        precision_recall_f1(np.ones(3))


@pytest.mark.parametrize(("right", "count"), [(0, 10), (7, 10), (10, 10), (450, 900)])
def test_wilsons_interval_is_scipys(right, count):
    from scipy.stats import binomtest

    want = binomtest(right, count).proportion_ci(0.95, method="wilson")
    got = wilson_interval(right, count, deviations=1.959964)
    np.testing.assert_allclose(got, [want.low, want.high], atol=1e-6)
    assert wilson_interval(right, count, deviations=1) > got or right == 0
