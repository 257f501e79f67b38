"""COCO's matching and its averages, whatever is compared: boxes, masks or keypoints.

Number for number those of pycocotools, without it. Everything here is float64 on the host.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.typing import Host, Numbers

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
AREAS: Mapping[str, tuple[float, float]] = {  # square pixels
    "": (0, 1e10),
    "_small": (0, 32**2),
    "_medium": (32**2, 96**2),
    "_large": (96**2, 1e10),
}


class ImagePairs(NamedTuple):
    """All that counts of one picture with n detections and m truths.

    `overlap`: IoU, or for keypoints OKS. A truth that is `ignored` counts neither way; a crowd is
    that, too, and can be taken many times.
    """

    scores: Host  # (n,)
    labels: Host  # (n,) ints
    areas: Host  # (n,) square pixels
    truth_labels: Host  # (m,) ints
    truth_areas: Host  # (m,)
    crowd: Host  # (m,) bool
    ignored: Host  # (m,) bool
    overlap: Host  # (n, m)


class _Matched(NamedTuple):
    """Of one class in one picture, the surest detection first; T thresholds."""

    scores: Host  # (n,)
    matched: Host  # (T, n) bool
    ignored: Host  # (T, n) bool
    counted: int  # truths that count


Tables = Mapping[str, Sequence[Sequence[_Matched]]]  # size -> class -> its pictures


def match_pairs(
    pairs: Iterable[ImagePairs], num_classes: int, *, sizes: Sequence[str], most: int
) -> Tables:
    """Each picture matched for each of `sizes`, names of `AREAS`, with `most` detections a class.

    Pictures are looked at one after the other, so that what was compared need not be kept.
    """
    tables = {size: [[] for _ in range(num_classes)] for size in sizes}
    for pair in pairs:
        for label in np.union1d(pair.labels, pair.truth_labels).astype(int).tolist():
            own = _of_class(pair, label, most)
            for size in sizes:
                tables[size][label].append(_match(own, AREAS[size]))
    return tables


def precision_and_recall(tables: Sequence[Sequence[_Matched]], most: int) -> tuple[Host, Host]:
    """Precision `(K, T, R)` at each recall, and the recall `(K, T)` reached; -1 without truth.

    `most`: detections of a class and picture that count.
    """
    precision = np.full((len(tables), len(THRESHOLDS), len(RECALLS)), -1.0)
    recall = np.full((len(tables), len(THRESHOLDS)), -1.0)
    for k, pictures in enumerate(tables):
        total = sum(picture.counted for picture in pictures)
        if not total:
            continue
        scores = np.concatenate([p.scores[:most] for p in pictures])
        order = np.argsort(-scores, kind="stable")
        matched, ignored = (
            np.concatenate(parts, axis=1)[:, order]
            for parts in (
                [p.matched[:, :most] for p in pictures],
                [p.ignored[:, :most] for p in pictures],
            )
        )
        right = np.cumsum(matched & ~ignored, axis=1).astype(np.float64)
        wrong = np.cumsum(~matched & ~ignored, axis=1).astype(np.float64)
        for t in range(len(THRESHOLDS)):
            precision[k, t], recall[k, t] = _at_recalls(right[t], wrong[t], total)
    return precision, recall


def mean_known(values: Host) -> float:
    """The mean of what is not -1; -1 where that is nothing."""
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def averages(precision: Host, recall: Host) -> Numbers:
    """`ap` and `ar` over all thresholds, `ap50`, `ap75`, `ar50`, `ar75` at one of them."""
    numbers = {"ap": mean_known(precision), "ar": mean_known(recall)}
    for name, t in (("50", 0), ("75", 5)):
        numbers[f"ap{name}"] = mean_known(precision[:, t])
        numbers[f"ar{name}"] = mean_known(recall[:, t])
    return numbers


def _of_class(pair: ImagePairs, label: int, most: int) -> ImagePairs:
    """The surest `most` detections of a class, in order, and its truths."""
    mine, own = np.flatnonzero(pair.labels == label), np.flatnonzero(pair.truth_labels == label)
    mine = mine[np.argsort(-pair.scores[mine], kind="stable")[:most]]
    of_detections = [value[mine] for value in pair[:3]]
    of_truths = [value[own] for value in pair[3:7]]
    return ImagePairs._make([*of_detections, *of_truths, pair.overlap[np.ix_(mine, own)]])


def _match(pair: ImagePairs, bounds: tuple[float, float]) -> _Matched:
    """COCO's matching: from the surest on, each takes the best truth left, one that counts first.

    A crowd can be taken many times. Among equal overlaps the later truth is taken.
    """
    crowd, areas, overlap = pair.crowd, pair.truth_areas, pair.overlap
    ignored = pair.ignored | crowd | (areas < bounds[0]) | (areas > bounds[1])
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
    taken = np.zeros((len(least), len(crowd)), bool)
    matched = np.zeros((len(least), len(overlap)), bool)
    left_out = np.zeros_like(matched)
    for i in range(len(overlap) if len(crowd) else 0):
        fits = (~taken | crowd[None]) & (overlap[i][None] >= least)
        counting = fits & ~ignored[None]
        pool = np.where(counting.any(axis=1, keepdims=True), counting, fits)
        value = np.where(pool, overlap[i][None], -1)
        best = value.shape[1] - 1 - np.argmax(value[:, ::-1], axis=1)
        hit = np.flatnonzero(pool.any(axis=1))
        taken[hit, best[hit]] = True
        matched[hit, i] = True
        left_out[hit, i] = ignored[best[hit]]
    outside = (pair.areas < bounds[0]) | (pair.areas > bounds[1])
    left_out |= ~matched & outside[None]
    return _Matched(pair.scores, matched, left_out, int((~ignored).sum()))


def _at_recalls(right: Host, wrong: Host, total: int) -> tuple[Host, float]:
    reached = right / total
    precision = right / (right + wrong + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(reached, RECALLS, side="left")
    return np.append(envelope, 0.0)[place], float(reached[-1]) if len(reached) else 0.0
