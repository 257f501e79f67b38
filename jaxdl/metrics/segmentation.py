"""How well classes of pixels are found, from one matrix of counts over all pictures."""

from typing import NamedTuple

import numpy as np

from jaxdl.checks import check_rank, check_same_shape
from jaxdl.typing import Host

VOID = 255


class SegmentScores(NamedTuple):
    """What a matrix of counts says. Classes that neither are nor are found have no IoU, NaN."""

    mean_iou: float
    pixel_accuracy: float
    class_accuracy: float  # the mean over the classes that there are
    iou: Host  # (K,)


def count_pixels(truth: Host, found: Host, num_classes: int, *, void: int = VOID) -> Host:
    """Pixels by true (row) and found (column) class, `(K, K)` int64; those void in truth left out.

    `truth`, `found` `(...)` integers. Raises ValueError for a number that is no class.
    """
    check_same_shape("count_pixels: truth, found", truth, found)
    counted = truth != void
    true, seen = (x[counted].astype(np.int64) for x in (truth, found))
    for name, numbers in (("truth", true), ("found", seen)):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < num_classes:
            raise ValueError(
                f"count_pixels: {name} must lie in 0..{num_classes - 1}, got "
                f"{numbers.min()}..{numbers.max()}"
            )
    flat = np.bincount(true * num_classes + seen, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def segment_scores(counts: Host) -> SegmentScores:
    """Intersection over union of each class, and means, of a matrix of `count_pixels`.

    IoU = TP / (TP + FP + FN) (Everingham et al. 2010, section 4.4); its mean is over the classes
    that are true or found somewhere. Everything is NaN where nothing was counted.
    """
    check_rank("segment_scores: counts", counts, 2)
    right, true, found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    iou = share(right, true + found - right)
    recall = share(right, true)
    return SegmentScores(
        mean_of(iou), float(share(right.sum(), counts.sum())), mean_of(recall), iou
    )


def share(part: Host, whole: Host) -> Host:
    """part / whole, NaN where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def mean_of(values: Host) -> float:
    """The mean of those that there are, NaN if there is none."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")
