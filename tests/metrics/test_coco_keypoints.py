"""Average precision of keypoints against pycocotools on random problems; OKS by hand."""

import numpy as np
import pytest

from jaxdl.metrics.coco_keypoints import (
    ImagePoints,
    ImagePointTruth,
    keypoint_precision,
    keypoint_similarity,
    sigmas_of,
)
from tests.metrics.cocotools import judge

NAMES = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium")
NAMES += ("ar_large",)
PERSON = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder")
PERSON += ("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip")
PERSON += ("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")


def problem(seed, count):
    """Pictures with crowds, ties, objects without visible points, and some that are empty."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(rng.integers(1, 8)):
        n = int(rng.integers(0, 5) * (rng.random() < 0.85))
        low = rng.integers(0, 60, (n, 2)).astype(np.float64)
        boxes = np.concatenate([low, low + rng.integers(15, 160, (n, 2))], axis=1)
        side = boxes[:, None, 2:] - low[:, None]
        points = low[:, None] + rng.random((n, count, 2)) * side
        visible = (rng.random((n, count)) < 0.7) & (rng.random((n, 1)) < 0.8)
        area = np.prod(side[:, 0], axis=1) * 0.6
        labels, crowd = rng.integers(0, 2, n), rng.random(n) < 0.15
        points *= visible[..., None]
        truth.append(ImagePointTruth(points, visible, boxes, labels, crowd, area))
        picked = rng.integers(0, n, rng.integers(0, 26)) if n else np.zeros(0, int)
        spread = 0.06 * rng.random((len(picked), 1, 1)) * (rng.random((len(picked), 1, 1)) < 0.8)
        near = points[picked] + side[picked] * rng.normal(size=(len(picked), count, 2)) * spread
        wild = rng.random((int(rng.integers(0, 3)), count, 2)) * 140
        kinds = np.concatenate([labels[picked], rng.integers(0, 2, len(wild))])
        seen = np.concatenate([near, wild])
        found.append(ImagePoints(seen, rng.integers(0, 9, len(seen)) / 9, kinds))
    return found, truth


def rows_of(found, truth):
    """The same as rows of pycocotools."""

    def numbers(points, flags):
        return np.concatenate([points, flags[:, None]], axis=1).ravel().tolist()

    real, seen = [], []
    for i, item in enumerate(truth):
        for points, visible, box, label, crowd, area in zip(*item, strict=True):
            row = {"image": i, "label": int(label), "iscrowd": int(crowd), "area": float(area)}
            row |= {"bbox": [*box[:2], *(box[2:] - box[:2])], "num_keypoints": int(visible.sum())}
            real.append(row | {"keypoints": numbers(points, 2.0 * visible)})
    for i, item in enumerate(found):
        for points, score, label in zip(*item, strict=True):
            width, height = points.max(axis=0) - points.min(axis=0)
            row = {"image": i, "label": int(label), "score": float(score)}
            row |= {"area": width * height, "bbox": [0, 0, 1, 1]}
            seen.append(row | {"keypoints": numbers(points, np.ones(len(points)))})
    return real, seen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("names", [PERSON, ("top", "right", "bottom", "left")])
def test_keypoints_have_the_numbers_of_pycocotools_on_50_random_problems(names):
    sigmas, known = sigmas_of(names), 0
    for seed in range(50):
        found, truth = problem(seed, len(names))
        got = keypoint_precision(found, truth, 2, sigmas)
        want = judge(
            "keypoints", *rows_of(found, truth), images=len(truth), classes=2, sigmas=sigmas
        )
        assert set(got) == set(NAMES)
        for name, value in zip(NAMES, want, strict=True):
            assert abs(got[name] - value) < 1e-9, (seed, name, got[name], value)
            known += 0 < value < 1
    assert known > 250


def test_sigmas_are_cocos_and_five_hundredths_for_all_others():
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    np.testing.assert_allclose(sigmas_of(PERSON), evaluation.Params("keypoints").kpt_oks_sigmas)
    np.testing.assert_array_equal(2 * sigmas_of(("top", "left")), [0.05, 0.05])


def test_oks_by_hand():
    # An object of 400 square pixels; kappa .05: at one pixel exp(-1 / (2 * 400 * .05^2)).
    box = np.array([[10.0, 10, 30, 30]])
    truth = ImagePointTruth(
        np.array([[[10.0, 20], [30, 20], [20, 10]]]),
        np.array([[True, True, False]]),
        box,
        np.zeros(1, int),
        np.zeros(1, bool),
        np.array([400.0]),
    )
    found = np.array([[[10.0, 20], [30, 21], [99, 99]], [[13.0, 24], [30, 20], [0, 0]]])
    got = keypoint_similarity(found, truth, np.full(3, 0.025))
    near, far = np.exp(-1 / 2), np.exp(-25 / 2)
    np.testing.assert_allclose(got[:, 0], [(1 + near) / 2, (far + 1) / 2], rtol=1e-12)
    unseen = truth._replace(visible=np.zeros((1, 3), bool))  # at once and half beyond its box: in
    got = keypoint_similarity(
        np.array([[[-9.0, 20], [50, 50], [53, 50]]]), unseen, np.full(3, 0.025)
    )
    np.testing.assert_allclose(got[0, 0], (2 + np.exp(-9 / 2)) / 3, rtol=1e-12)
