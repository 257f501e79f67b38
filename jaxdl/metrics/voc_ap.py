"""Average precision as PASCAL VOC defines it, and what all such measures start from.

Everything here is float64 on the host. A picture has `ImageDetections` and `ImageGroundTruth`,
unpadded.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.typing import Host


class ImageDetections(NamedTuple):
    """What a detector gave for one picture."""

    boxes: Host  # (n, 4) corners
    scores: Host  # (n,)
    labels: Host  # (n,) ints


class ImageGroundTruth(NamedTuple):
    """What is in one picture."""

    boxes: Host  # (n, 4) corners
    labels: Host  # (n,) ints
    difficult: Host  # (n,) bool: finding it, or not, counts neither way
    areas: Host | None = None  # (n,), COCO's, of the mask; default: the box's
    crowd: Host | None = None  # (n,) bool, COCO's: many in one box; default: none is


class Curve(NamedTuple):
    """Precision over recall of one class, from the surest detection on; `scores` of each point."""

    precision: Host
    recall: Host
    scores: Host


def overlaps(a: Host, b: Host, crowd: Host | None = None) -> Host:
    """IoU of all pairs `(N, 4)`, `(M, 4)` -> `(N, M)`; with a crowd, the part of `a` inside it."""
    a, b = (np.asarray(v, np.float64).reshape(-1, 4) for v in (a, b))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=2)
    own, other = (np.prod(v[:, 2:] - v[:, :2], axis=1) for v in (a, b))
    union = own[:, None] + other[None] - inter
    if crowd is not None:
        union = np.where(np.asarray(crowd, bool)[None], own[:, None], union)
    return np.divide(inter, union, out=np.zeros_like(inter), where=inter > 0)


def precision_recall(
    found: Sequence[ImageDetections],
    truth: Sequence[ImageGroundTruth],
    label: int,
    *,
    threshold: float = 0.5,
) -> Curve | None:
    """VOC's curve of one class (Everingham et al. 2010, section 4.2); None where no truth counts.

    From the surest on, a detection takes the truth of its picture that it overlaps most; it is
    right where IoU is at least `threshold` and the truth is not taken yet, and does not count where
    that truth is difficult.
    """
    scores, hits, counts, total = [], [], [], 0
    for seen, real in zip(found, truth, strict=True):
        mine, own = seen.labels == label, real.labels == label
        hard = np.asarray(real.difficult, bool)[own]
        total += int((~hard).sum())
        order = np.argsort(-seen.scores[mine], kind="stable")
        hit, count = _take(overlaps(seen.boxes[mine][order], real.boxes[own]), hard, threshold)
        scores.append(seen.scores[mine][order])
        hits.append(hit)
        counts.append(count)
    if not total:
        return None
    score, hit, count = (np.concatenate(v) for v in (scores, hits, counts))
    order = np.argsort(-score, kind="stable")
    order = order[count[order]]
    right = np.cumsum(hit[order])
    return Curve(right / np.arange(1, len(order) + 1), right / total, score[order])


def _take(overlap: Host, hard: Host, threshold: float) -> tuple[Host, Host]:
    """Which detections of a picture, the surest first, are right, and which count at all."""
    hit, count = np.zeros(len(overlap), bool), np.ones(len(overlap), bool)
    taken = np.zeros(overlap.shape[1], bool)
    for i, row in enumerate(overlap):
        best = int(np.argmax(row)) if len(row) else -1
        if best < 0 or row[best] < threshold:
            continue
        if hard[best]:
            count[i] = False
        else:
            hit[i], taken[best] = not taken[best], True
    return hit, count


def area_under(curve: Curve, *, points: str = "all") -> float:
    """The average precision of a curve.

    `all`: area under the largest precision at this recall or a larger one (VOC since 2010); `11`:
    its mean at the recalls 0, .1 ... 1 (VOC 2007).
    """
    check_one_of("area_under: points", points, ("all", "11"))
    if not len(curve.recall):
        return 0.0
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    if points == "all":
        return float(np.sum(np.diff(curve.recall, prepend=0.0) * envelope))
    place = np.searchsorted(curve.recall, np.arange(11) / 10 - 1e-12)
    return float(np.mean(np.append(envelope, 0.0)[place]))


def average_precisions(
    found: Sequence[ImageDetections],
    truth: Sequence[ImageGroundTruth],
    num_classes: int,
    *,
    threshold: float = 0.5,
    points: str = "all",
) -> Host:
    """VOC's average precision of each class `(K,)`; NaN where no truth counts."""
    curves = [precision_recall(found, truth, k, threshold=threshold) for k in range(num_classes)]
    return np.array([np.nan if c is None else area_under(c, points=points) for c in curves])


def mean_of(precisions: Host) -> float:
    """The mean over the classes that occur, 0 where none does."""
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else 0.0


def best_f1(curve: Curve) -> tuple[float, float]:
    """The largest F1 = 2 p r / (p + r) along a curve, and the score that gives it."""
    if not len(curve.scores):
        return 0.0, 1.0
    both = curve.precision + curve.recall
    f1 = 2 * curve.precision * curve.recall / np.where(both > 0, both, 1)
    best = int(np.argmax(f1))
    return float(f1[best]), float(curve.scores[best])
