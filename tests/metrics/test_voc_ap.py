"""Average precision against pycocotools and the VOC devkit's loop."""

import numpy as np
import pytest

from jaxdl.metrics.coco_ap import coco_precision
from jaxdl.metrics.voc_ap import (
    Curve,
    ImageDetections,
    ImageGroundTruth,
    area_under,
    average_precisions,
    best_f1,
    mean_of,
    precision_recall,
)
from tests.metrics.cocotools import judge

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
NAMES += ("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large")


def problem(seed):
    """Crowds and difficult objects, many ties, wrong and doubled detections, empty pictures."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(rng.integers(1, 9)):
        n = rng.integers(0, 7) * (rng.random() < 0.8)
        low = rng.integers(0, 150, (n, 2))
        boxes = np.concatenate([low, low + rng.integers(5, 160, (n, 2))], 1).astype(np.float64)
        labels = rng.integers(0, 3, n)
        hard = rng.random(n) < 0.4
        crowd = hard & (rng.random(n) < 0.5)
        truth.append(ImageGroundTruth(boxes, labels, hard, crowd=crowd))
        picked = rng.integers(0, max(n, 1), rng.integers(0, 14)) if n else np.zeros(0, int)
        near = boxes[picked] + rng.integers(-6, 7, (len(picked), 4)) * (
            rng.random((len(picked), 1)) < 0.7
        )
        wild = rng.integers(0, 100, (rng.integers(0, 4), 2)).astype(np.float64)
        near = np.concatenate([near, np.concatenate([wild, wild + 30], 1)])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        kinds = np.concatenate([labels[picked], rng.integers(0, 3, len(wild))])
        kinds = np.where(rng.random(len(kinds)) < 0.1, rng.integers(0, 3, len(kinds)), kinds)
        found.append(ImageDetections(near, rng.integers(0, 12, len(near)) / 12, kinds))
    return found, truth


def pycocotools_numbers(found, truth):
    def rows(objects, extra):
        for i, item in enumerate(objects):
            for j, (x1, y1, x2, y2) in enumerate(np.asarray(item.boxes)):
                box = [float(v) for v in (x1, y1, x2 - x1, y2 - y1)]
                row = {"image": i, "bbox": box, "area": box[2] * box[3]}
                yield row | {"label": int(item.labels[j])} | extra(item, j)

    flags = lambda t, j: {"iscrowd": int(t.crowd[j]), "ignored": bool(t.difficult[j])}  # noqa: E731
    real = list(rows(truth, flags))
    seen = list(rows(found, lambda f, j: {"score": float(f.scores[j])}))
    return dict(zip(NAMES, judge("bbox", real, seen, images=len(truth), classes=3), strict=True))


@pytest.mark.filterwarnings("ignore")
def test_cocos_numbers_are_those_of_pycocotools_on_50_random_problems():
    for seed in range(50):
        found, truth = problem(seed)
        got, want = coco_precision(found, truth, 3), pycocotools_numbers(found, truth)
        assert set(got) == set(want)
        for name in NAMES:
            assert abs(got[name] - want[name]) < 1e-9, (seed, name, got[name], want[name])
    few = coco_precision(*problem(1), 3, sizes=False)
    assert set(few) == {"ap", "ap50", "ap75", "ar1", "ar10", "ar100"}


def voc_in_loops(found, truth, label, threshold, points):
    """The devkit's VOCevaldet, sentence by sentence."""
    total = sum(int(((t.labels == label) & ~t.difficult).sum()) for t in truth)
    if not total:
        return np.nan
    every = [
        (-f.scores[j], i, j)
        for i, f in enumerate(found)
        for j in range(len(f.scores))
        if f.labels[j] == label
    ]
    used, hits = set(), []
    for _, i, j in sorted(every):
        best, at = -np.inf, None
        for g, box in enumerate(truth[i].boxes):
            if truth[i].labels[g] != label:
                continue
            a = found[i].boxes[j]
            w, h = min(a[2], box[2]) - max(a[0], box[0]), min(a[3], box[3]) - max(a[1], box[1])
            if w > 0 and h > 0:
                union = (
                    (a[2] - a[0]) * (a[3] - a[1]) + (box[2] - box[0]) * (box[3] - box[1]) - w * h
                )
                if w * h / union > best:
                    best, at = w * h / union, g
        if best >= threshold and truth[i].difficult[at]:
            continue
        hits.append(best >= threshold and (i, at) not in used)
        used.add((i, at) if best >= threshold else None)
    recall = [sum(hits[: n + 1]) / total for n in range(len(hits))]
    precision = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    if points == "11":
        steps = [
            max([p for p, r in zip(precision, recall, strict=True) if r >= k / 10], default=0)
            for k in range(11)
        ]
        return sum(steps) / 11
    area, before = 0.0, 0.0
    for n, r in enumerate(recall):
        area += (r - before) * max(precision[n:])
        before = r
    return area


@pytest.mark.parametrize("points", ["all", "11"])
@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_vocs_precision_is_the_devkits_loop(points, threshold):
    for seed in range(12):
        found, truth = problem(seed)
        got = average_precisions(found, truth, 3, threshold=threshold, points=points)
        want = [voc_in_loops(found, truth, k, threshold, points) for k in range(3)]
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_by_hand():
    curve = Curve(np.array([1, 0.5, 2 / 3]), np.array([0.5, 0.5, 1]), np.array([0.9, 0.8, 0.7]))
    assert area_under(curve) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert area_under(curve, points="11") == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    f1, score = best_f1(curve)
    assert f1 == pytest.approx(0.8)
    assert score == 0.7


def test_nothing_found_and_nothing_there():
    none = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    box = ImageGroundTruth(np.array([[0, 0, 2, 2.0]]), np.array([1]), np.array([False]))
    assert precision_recall([none], [box], 0) is None
    np.testing.assert_array_equal(average_precisions([none], [box], 2), [np.nan, 0])
    assert mean_of(average_precisions([none], [box], 2)) == 0
    assert mean_of(np.array([np.nan])) == 0
    assert coco_precision([none], [box], 2)["ap"] == 0
    assert coco_precision([none], [box], 2)["ap_large"] == -1


def test_points_must_be_known():
    with pytest.raises(ValueError, match="all, 11"):
        area_under(Curve(np.ones(1), np.ones(1), np.ones(1)), points="12")
