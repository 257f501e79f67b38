"""COCO's average precision and recall, number for number those of pycocotools, without it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.metrics.voc_ap import ImageDetections, ImageGroundTruth, overlaps
from jaxdl.typing import Host, Numbers

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST = (1, 10, 100)  # detections a picture and class
AREAS: Mapping[str, tuple[float, float]] = {  # square pixels
    "": (0, 1e10),
    "_small": (0, 32**2),
    "_medium": (32**2, 96**2),
    "_large": (96**2, 1e10),
}


class _Picture(NamedTuple):
    """Of one class in one picture, the surest detection first; T thresholds."""

    scores: Host  # (n,)
    matched: Host  # (T, n) bool
    ignored: Host  # (T, n) bool
    counted: int  # truths that count


def coco_precision(
    found: Sequence[ImageDetections],
    truth: Sequence[ImageGroundTruth],
    num_classes: int,
    *,
    sizes: bool = True,
) -> Numbers:
    """COCO's twelve numbers: `ap` (mean over IoU .50:.95 and classes), `ap50`, `ap75`, `ap_small`,
    `ap_medium`, `ap_large`, `ar1`, `ar10`, `ar100`, `ar_small` ... (recall of so many detections).

    A difficult truth is a crowd: detections inside it count neither way. A number for which there
    is no truth is -1, as in pycocotools. Without `sizes`, those by size are left out.
    """
    numbers: Numbers = {}
    for name, bounds in AREAS.items():
        if name and not sizes:
            continue
        tables = [_pictures(found, truth, k, bounds) for k in range(num_classes)]
        precision, recall = _measure(tables, MOST[-1])
        numbers[f"ap{name}"] = _mean(precision)
        if not name:
            numbers |= {"ap50": _mean(precision[:, 0]), "ap75": _mean(precision[:, 5])}
            numbers |= {f"ar{most}": _mean(_measure(tables, most)[1]) for most in MOST}
        else:
            numbers[f"ar{name}"] = _mean(recall)
    return numbers


def _mean(values: Host) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def _pictures(
    found: Sequence[ImageDetections],
    truth: Sequence[ImageGroundTruth],
    label: int,
    bounds: tuple[float, float],
) -> list[_Picture]:
    made = []
    for seen, real in zip(found, truth, strict=True):
        mine, own = np.flatnonzero(seen.labels == label), np.flatnonzero(real.labels == label)
        if len(mine) or len(own):
            order = np.argsort(-seen.scores[mine], kind="stable")[: MOST[-1]]
            made.append(_match(seen, mine[order], real, own, bounds))
    return made


def _match(
    seen: ImageDetections,
    mine: Host,
    real: ImageGroundTruth,
    own: Host,
    bounds: tuple[float, float],
) -> _Picture:
    """COCO's matching: from the surest on, each takes the best truth left, one that counts first.

    A crowd can be taken many times. Among equal overlaps the later truth is taken.
    """
    boxes, truths = seen.boxes[mine], real.boxes[own]
    crowd = np.asarray(real.difficult, bool)[own]
    areas = _areas(truths) if real.areas is None else np.asarray(real.areas, np.float64)[own]
    ignored = crowd | (areas < bounds[0]) | (areas > bounds[1])
    overlap = overlaps(boxes, truths, crowd)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
    taken = np.zeros((len(least), len(own)), bool)
    matched = np.zeros((len(least), len(mine)), bool)
    left_out = np.zeros_like(matched)
    for i in range(len(mine) if len(own) else 0):
        fits = (~taken | crowd[None]) & (overlap[i][None] >= least)
        counting = fits & ~ignored[None]
        pool = np.where(counting.any(axis=1, keepdims=True), counting, fits)
        value = np.where(pool, overlap[i][None], -1)
        best = value.shape[1] - 1 - np.argmax(value[:, ::-1], axis=1)
        hit = np.flatnonzero(pool.any(axis=1))
        taken[hit, best[hit]] = True
        matched[hit, i] = True
        left_out[hit, i] = ignored[best[hit]]
    own_areas = _areas(boxes)
    outside = (own_areas < bounds[0]) | (own_areas > bounds[1])
    left_out |= ~matched & outside[None]
    return _Picture(seen.scores[mine], matched, left_out, int((~ignored).sum()))


def _areas(boxes: Host) -> Host:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


def _measure(tables: Sequence[Sequence[_Picture]], most: int) -> tuple[Host, Host]:
    """Precision `(K, T, R)` at each recall, and the recall `(K, T)` reached; -1 without truth."""
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


def _at_recalls(right: Host, wrong: Host, total: int) -> tuple[Host, float]:
    reached = right / total
    precision = right / (right + wrong + np.spacing(1))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(reached, RECALLS, side="left")
    return np.append(envelope, 0.0)[place], float(reached[-1]) if len(reached) else 0.0
