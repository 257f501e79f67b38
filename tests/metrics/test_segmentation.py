"""IoU, accuracies and counts of pixels against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from jaxdl.metrics.segmentation import count_pixels, segment_scores

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("void", [255, 4])
def test_scores_are_scikit_learns(void):
    truth, found = RNG.integers(0, 4, (2, 3, 8, 9))
    found = np.where(RNG.random(truth.shape) < 0.6, truth, found)
    truth = np.where(RNG.random(truth.shape) < 0.1, void, truth)
    kept = truth != void
    counts = count_pixels(truth, found, 4, void=void)
    y, p = truth[kept], found[kept]
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(y, p, labels=range(4)))
    scores = segment_scores(counts)
    np.testing.assert_allclose(scores.iou, metrics.jaccard_score(y, p, average=None))
    assert scores.mean_iou == pytest.approx(metrics.jaccard_score(y, p, average="macro"))
    assert scores.pixel_accuracy == pytest.approx(metrics.accuracy_score(y, p))
    assert scores.class_accuracy == pytest.approx(metrics.balanced_accuracy_score(y, p))


def test_classes_that_neither_are_nor_are_found_are_left_out():
    counts = count_pixels(np.array([0, 0, 1, 255]), np.array([0, 2, 1, 3]), 5)
    scores = segment_scores(counts)
    np.testing.assert_array_equal(np.isnan(scores.iou), [False, False, False, True, True])
    assert scores.mean_iou == pytest.approx((0.5 + 1 + 0) / 3)  # 2 is found, but never true
    assert scores.class_accuracy == pytest.approx((0.5 + 1) / 2)


def test_nothing_counted_is_nan_and_numbers_that_are_no_class_an_error():
    scores = segment_scores(count_pixels(np.full(3, 255), np.zeros(3, int), 2))
    assert np.isnan([scores.mean_iou, scores.pixel_accuracy, scores.class_accuracy]).all()
    with pytest.raises(ValueError, match=r"found must lie in 0\.\.1, got 0\.\.2"):
        count_pixels(np.array([0, 1]), np.array([0, 2]), 2)
