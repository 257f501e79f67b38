"""Regions that may hold an object, from the pixels alone: input data of R-CNN and Fast R-CNN.

They run on the host, once a picture. `proposals` `(n, P, 4)` float32, `proposed` `(n, P)` bool.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.splits.split import Split
from jaxdl.metrics.voc_ap import overlaps
from jaxdl.typing import Host

LEVELS = (3, 5, 8)  # steps of brightness a channel is cut into
BLOCK = 512  # pictures at once
LEAST = 4  # sides of a region in pixels


def color_regions(images: Host, *, most: int = 64) -> dict[str, Host]:
    """Boxes around connected pixels of like color, in the spirit of selective search.

    (Uijlings et al. 2013, doi 10.1007/s11263-013-0620-5: regions at several grains, then joined.)
    Colors are smoothed and cut into a few levels, at three grains; each connected region, and each
    two that touch, give a box. Of more than `most` those seen at several grains stay, then the
    smaller. `(n, H, W, C)` uint8.
    """
    check_positive("color_regions: most", most)
    return _stack([_of_picture(image) for image in images], most)


def sliding_windows(
    images: Host, *, sides: tuple[int, ...] = (16, 24, 32, 48), step: float = 0.5
) -> dict[str, Host]:
    """Square windows of all `sides`, moved by `step` of a side: the same for every picture."""
    check_positive("sliding_windows: step", step)
    height, width = images.shape[1:3]
    boxes = [
        (x, y, x + side, y + side)
        for side in sides
        for y in _starts(height, side, step)
        for x in _starts(width, side, step)
    ]
    return _stack([np.array(boxes, np.float32)] * len(images), len(boxes))


def with_proposals(split: Split, propose: Callable[[Host], dict[str, Host]]) -> Split:
    """The split with `proposals` and `proposed` beside each picture; a run's example has them."""
    if "proposals" in split.names:
        return split
    rows = np.arange(split.size)
    parts = [
        propose(split.read("image", rows[start : start + BLOCK]))
        for start in range(0, split.size, BLOCK)
    ]
    return split.with_arrays(
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )


def recall_of(proposals: Host, proposed: Host, boxes: Host, kept: Host) -> float:
    """The part of the true boxes that some proposal meets with IoU at least .5."""
    met, count = 0, 0
    for own, real, truth, there in zip(proposals, proposed, boxes, kept, strict=True):
        best = overlaps(own[real], truth[there])
        met += int((best.max(axis=0, initial=0) >= 0.5).sum())
        count += int(there.sum())
    return met / max(count, 1)


def _of_picture(image: Host) -> Host:
    from scipy import ndimage

    smooth = ndimage.uniform_filter(image.astype(np.float32), (3, 3, 0))  # pyright: ignore
    found: list[Host] = []
    for levels in LEVELS:
        cut = np.minimum(smooth * (levels / 256), levels - 1).astype(np.int64)
        code = cut @ (levels ** np.arange(image.shape[2]))
        found.append(_boxes_of(code))
    singles = np.concatenate(found)
    joined = np.concatenate([list(_joined(boxes)) or np.zeros((0, 4)) for boxes in found])
    return _rank(np.concatenate([singles, joined]))


def _boxes_of(code: Host) -> Host:
    """Boxes of the connected regions of equal numbers, without specks."""
    from scipy import ndimage

    made = []
    for value in np.unique(code):
        places: Any = ndimage.label(code == value)
        found: Any = ndimage.find_objects(places[0])
        for rows, columns in found:
            if rows.stop - rows.start >= LEAST and columns.stop - columns.start >= LEAST:
                made.append((columns.start, rows.start, columns.stop, rows.stop))
    return np.array(made, np.float32).reshape(-1, 4)


def _joined(boxes: Host) -> Iterator[Host]:
    """The boxes around each two that touch."""
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if (np.maximum(box[:2], other[:2]) <= np.minimum(box[2:], other[2:])).all():
                low, high = np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])
                yield np.concatenate([low, high])


def _rank(boxes: Host) -> Host:
    """Each box once: the most often seen first, then the smallest."""
    if not len(boxes):
        return boxes
    unique, seen = np.unique(boxes, axis=0, return_counts=True)
    area = np.prod(unique[:, 2:] - unique[:, :2], axis=1)
    return unique[np.lexsort((area, -seen))]


def _starts(length: int, side: int, step: float) -> list[int]:
    if side >= length:
        return [0]
    count = int(np.ceil((length - side) / (step * side)))
    return np.round(np.linspace(0, length - side, count + 1)).astype(int).tolist()


def _stack(found: list[Host], most: int) -> dict[str, Host]:
    proposals = np.zeros((len(found), most, 4), np.float32)
    proposed = np.zeros((len(found), most), bool)
    for i, boxes in enumerate(found):
        own = boxes[:most]
        proposals[i, : len(own)], proposed[i, : len(own)] = own, True
    return {"proposals": proposals, "proposed": proposed}
