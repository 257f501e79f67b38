"""COCO's average precision of keypoints, number for number that of pycocotools, without it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.metrics.coco_ap import box_areas
from jaxdl.metrics.coco_matching import (
    ImagePairs,
    averages,
    match_pairs,
    mean_known,
    precision_and_recall,
)
from jaxdl.typing import Host, Numbers

MOST = 20  # detections a picture and class
SIZES = ("", "_medium", "_large")
COCO_SIGMAS = {  # how far annotators are apart, in parts of a person's size (cocodataset.org)
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
PLAIN_SIGMA = 0.025  # of points that COCO has not: kappa = 2 sigma = .05


class ImagePoints(NamedTuple):
    """Keypoints that a detector gave for one picture."""

    points: Host  # (n, P, 2) x, y
    scores: Host  # (n,)
    labels: Host  # (n,) ints


class ImagePointTruth(NamedTuple):
    """Keypoints of the objects in one picture."""

    points: Host  # (m, P, 2) x, y
    visible: Host  # (m, P) bool: labeled; an object without any counts neither way
    boxes: Host  # (m, 4) corners
    labels: Host  # (m,) ints
    difficult: Host  # (m,) bool: a crowd
    areas: Host  # (m,) square pixels of the object, in which distances are measured


def sigmas_of(names: Sequence[str]) -> Host:
    """The deviation of each point by its name, as COCO's 17 have them: `(P,)`; of others .025."""
    parts = [name.lower().removeprefix("left_").removeprefix("right_") for name in names]
    return np.array([COCO_SIGMAS.get(part, PLAIN_SIGMA) for part in parts])


def keypoint_precision(
    found: Iterable[ImagePoints],
    truth: Iterable[ImagePointTruth],
    num_classes: int,
    sigmas: Host,
) -> Numbers:
    """COCO's ten numbers: `ap` (mean over OKS .50:.95 and classes), `ap50`, `ap75`, `ap_medium`,
    `ap_large`, and recall `ar`, `ar50`, `ar75`, `ar_medium`, `ar_large`.

    `sigmas` `(P,)`. A number for which there is no truth is -1, as in pycocotools.
    """
    pairs = (compare_points(*picture, sigmas) for picture in zip(found, truth, strict=True))
    tables = match_pairs(pairs, num_classes, sizes=SIZES, most=MOST)
    numbers = averages(*precision_and_recall(tables[""], MOST))
    for size in SIZES[1:]:
        precision, recall = precision_and_recall(tables[size], MOST)
        numbers |= {f"ap{size}": mean_known(precision), f"ar{size}": mean_known(recall)}
    return numbers


def compare_points(found: ImagePoints, truth: ImagePointTruth, sigmas: Host) -> ImagePairs:
    """Keypoints of one picture. The area of a detection is that of the box around its points."""
    crowd = np.asarray(truth.difficult, bool)
    points = np.asarray(found.points, np.float64)
    around = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return ImagePairs(
        found.scores,
        found.labels,
        box_areas(around),
        truth.labels,
        np.asarray(truth.areas, np.float64),
        crowd,
        np.sum(truth.visible, axis=1) == 0,
        keypoint_similarity(points, truth, sigmas),
    )


def keypoint_similarity(points: Host, truth: ImagePointTruth, sigmas: Host) -> Host:
    """OKS of n detections `(n, P, 2)` and m truths: `(n, m)`.

    The mean over the visible points of exp(-d^2 / (2 s^2 k^2)), d the distance, s^2 the area,
    k = 2 sigma. Of a truth without visible points d is the distance of each point from twice its
    box, as pycocotools has it: what lies there is left out.
    """
    made = np.zeros((len(points), len(truth.points)))
    for j, (own, visible) in enumerate(zip(truth.points, truth.visible, strict=True)):
        if visible.any():
            away = (points - own)[:, visible]
            sigma = sigmas[visible]
        else:
            low, high = truth.boxes[j, :2], truth.boxes[j, 2:]
            side = high - low
            away = np.maximum(low - side - points, 0) + np.maximum(points - (high + side), 0)
            sigma = sigmas
        squares = away[..., 0] ** 2 + away[..., 1] ** 2
        error = squares / (2 * sigma) ** 2 / (truth.areas[j] + np.spacing(1)) / 2
        made[:, j] = np.exp(-error).sum(axis=1) / error.shape[1]
    return made
