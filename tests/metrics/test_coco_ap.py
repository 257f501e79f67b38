"""Average precision of masks, and of boxes with given areas, against pycocotools at random."""

import numpy as np
import pytest

from jaxdl.metrics.coco_ap import average_precision, coco_precision, mask_overlap
from jaxdl.metrics.coco_matching import ImagePairs
from jaxdl.metrics.voc_ap import ImageDetections, ImageGroundTruth
from tests.metrics.cocotools import judge

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
NAMES += ("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large")
SIDE = 140


def ellipses(rng, count):
    """Masks `(count, 140, 140)`, some of them cut, a few empty."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    made = np.zeros((count, SIDE, SIDE), bool)
    for mask in made:
        (cx, cy), (a, b) = rng.integers(0, SIDE, 2), rng.integers(3, 60, 2)
        mask |= ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 <= 1
        mask &= rng.random() > 0.08
    return made


def problem(seed):
    """Pictures as (masks, labels, crowd) and (masks, scores, labels): crowds, ties, empty ones."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(rng.integers(1, 6)):
        n = int(rng.integers(0, 5) * (rng.random() < 0.8))
        masks, labels = ellipses(rng, n), rng.integers(0, 3, n)
        truth.append((masks, labels, rng.random(n) < 0.25))
        picked = rng.integers(0, n, rng.integers(0, 9)) if n else np.zeros(0, int)
        near = [
            np.roll(masks[i], rng.integers(-9, 10, 2) * (rng.random() < 0.7), (0, 1))
            for i in picked
        ]
        wild = ellipses(rng, int(rng.integers(0, 3)))
        every = np.concatenate([np.array(near, bool).reshape(-1, SIDE, SIDE), wild])
        kinds = np.concatenate([labels[picked], rng.integers(0, 3, len(wild))])
        kinds = np.where(rng.random(len(kinds)) < 0.1, rng.integers(0, 3, len(kinds)), kinds)
        found.append((every, rng.integers(0, 8, len(every)) / 8, kinds))
    return truth, found


def pairs_of(truth, found):
    for (masks, labels, crowd), (seen, scores, kinds) in zip(truth, found, strict=True):
        shared = np.einsum("nyx,myx->nm", seen.astype(int), masks.astype(int))
        areas, own = seen.sum(axis=(1, 2)), masks.sum(axis=(1, 2))
        overlap = mask_overlap(shared, areas, own, crowd)
        yield ImagePairs(scores, kinds, areas, labels, own, crowd, crowd, overlap)


def rows_of(truth, found):
    """The same as rows of pycocotools."""
    packed = pytest.importorskip("pycocotools.mask")

    def row(image, mask, label, **more):
        code = packed.encode(np.asfortranarray(mask.astype(np.uint8)))
        row = {"image": image, "label": int(label), "segmentation": code}
        return row | {"area": float(mask.sum()), "bbox": packed.toBbox(code).tolist()} | more

    real = [
        row(i, mask, label, iscrowd=int(crowd))
        for i, picture in enumerate(truth)
        for mask, label, crowd in zip(*picture, strict=True)
    ]
    seen = [
        row(i, mask, label, score=float(score))
        for i, picture in enumerate(found)
        for mask, score, label in zip(*picture, strict=True)
    ]
    return real, seen


@pytest.mark.filterwarnings("ignore")
def test_masks_have_the_numbers_of_pycocotools_on_50_random_problems():
    known = 0
    for seed in range(50):
        truth, found = problem(seed)
        got = average_precision(pairs_of(truth, found), 3)
        want = judge("segm", *rows_of(truth, found), images=len(truth), classes=3)
        assert set(got) == set(NAMES)
        for name, value in zip(NAMES, want, strict=True):
            assert abs(got[name] - value) < 1e-9, (seed, name, got[name], value)
            known += 0 < value < 1
    assert known > 300


def test_part_of_a_crowd_by_hand():
    shared = np.array([[6.0, 6.0], [0.0, 0.0]])
    overlap = mask_overlap(shared, np.array([8.0, 0]), np.array([12.0, 12]), np.array([0, 1], bool))
    np.testing.assert_allclose(overlap, [[6 / 14, 6 / 8], [0, 0]])


def corners(rows):
    """Boxes of rows of pycocotools, `(n, 4)` corners."""
    x, y, w, h = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4).T
    return np.stack([x, y, x + w, y + h], axis=1)


@pytest.mark.filterwarnings("ignore")
def test_boxes_are_small_or_large_by_the_areas_of_the_annotations():
    """COCO's `area` is the mask's: boxes of ellipses are 4 / pi as large, so some change size."""
    moved = 0
    for seed in range(30):
        real, seen = rows_of(*problem(seed))
        seen = [{k: row[k] for k in row if k not in ("segmentation", "area")} for row in seen]
        seen = [row | {"area": row["bbox"][2] * row["bbox"][3]} for row in seen]
        answers, truths = [], []
        for image in range(5):
            own = [row for row in real if row["image"] == image]
            found = [row for row in seen if row["image"] == image]
            labels, crowd = ([row[k] for row in own] for k in ("label", "iscrowd"))
            areas = np.array([row["area"] for row in own])
            truths.append(
                ImageGroundTruth(
                    corners(own),
                    np.array(labels),
                    np.zeros(len(own), bool),
                    areas,
                    np.array(crowd, bool),
                )
            )
            scores, kinds = (np.array([row[k] for row in found]) for k in ("score", "label"))
            answers.append(ImageDetections(corners(found), scores, kinds))
        got = coco_precision(answers, truths, 3)
        want = judge("bbox", real, seen, images=5, classes=3)
        for name, value in zip(NAMES, want, strict=True):
            assert abs(got[name] - value) < 1e-9, (seed, name, got[name], value)
        without = coco_precision(answers, [truth._replace(areas=None) for truth in truths], 3)
        moved += any(abs(without[name] - got[name]) > 0.01 for name in NAMES)
    assert moved > 5
