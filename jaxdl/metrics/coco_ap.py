"""COCO's average precision and recall, number for number those of pycocotools, without it."""

from collections.abc import Iterable, Sequence

import numpy as np

from jaxdl.metrics.coco_matching import (
    AREAS,
    ImagePairs,
    averages,
    match_pairs,
    mean_known,
    precision_and_recall,
)
from jaxdl.metrics.voc_ap import ImageDetections, ImageGroundTruth, overlaps
from jaxdl.typing import Host, Numbers

MOST = (1, 10, 100)  # detections a picture and class


def coco_precision(
    found: Sequence[ImageDetections],
    truth: Sequence[ImageGroundTruth],
    num_classes: int,
    *,
    sizes: bool = True,
) -> Numbers:
    """`average_precision` of boxes. A difficult truth, once found, counts neither way; in a crowd
    any number of detections does, each by the part of it that lies inside.
    """
    pairs = (compare_boxes(*picture) for picture in zip(found, truth, strict=True))
    return average_precision(pairs, num_classes, sizes=sizes)


def average_precision(
    pairs: Iterable[ImagePairs], num_classes: int, *, sizes: bool = True
) -> Numbers:
    """COCO's twelve numbers: `ap` (mean over IoU .50:.95 and classes), `ap50`, `ap75`, `ap_small`,
    `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`, `ar_small` ... (recall of so many detections).

    A number for which there is no truth is -1, as in pycocotools. Without `sizes`, those by size
    are left out.
    """
    names = [name for name in AREAS if sizes or not name]
    tables = match_pairs(pairs, num_classes, sizes=names, most=MOST[-1])
    numbers: Numbers = {}
    for name in names:
        precision, recall = precision_and_recall(tables[name], MOST[-1])
        if name:
            numbers |= {f"ap{name}": mean_known(precision), f"ar{name}": mean_known(recall)}
            continue
        means = averages(precision, recall)
        numbers |= {k: means[k] for k in ("ap", "ap50", "ap75")}
        for most in MOST:
            numbers[f"ar{most}"] = mean_known(precision_and_recall(tables[""], most)[1])
    return numbers


def compare_boxes(found: ImageDetections, truth: ImageGroundTruth) -> ImagePairs:
    """Boxes of one picture; areas are the boxes' where the truth does not say them."""
    hard = np.asarray(truth.difficult, bool)
    crowd = np.zeros_like(hard) if truth.crowd is None else np.asarray(truth.crowd, bool)
    areas = box_areas(truth.boxes) if truth.areas is None else np.asarray(truth.areas, np.float64)
    return ImagePairs(
        found.scores,
        found.labels,
        box_areas(found.boxes),
        truth.labels,
        areas,
        crowd,
        hard | crowd,
        overlaps(found.boxes, truth.boxes, crowd),
    )


def mask_overlap(shared: Host, areas: Host, truth_areas: Host, crowd: Host) -> Host:
    """IoU `(n, m)` of masks of n and m areas that have `shared` `(n, m)` pixels in common.

    Of a crowd `(m,)`: the part of the mask that lies in it.
    """
    union = areas[:, None] + np.where(crowd, 0, truth_areas - shared)
    return np.divide(shared, union, out=np.zeros(shared.shape), where=shared > 0)


def box_areas(boxes: Host) -> Host:
    """Square pixels of boxes `(n, 4)`: `(n,)` float64."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
