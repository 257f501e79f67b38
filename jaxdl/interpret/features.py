"""What the features of a network tell: neighbors, units, and the pictures that move them most."""

from typing import NamedTuple

import numpy as np

from jaxdl.checks import check_same_shape
from jaxdl.models.summary.receptive_field import Field
from jaxdl.models.summary.stage_windows import window_of
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.typing import Host


class Peak(NamedTuple):
    """Where a unit is highest in one picture."""

    picture: int
    place: tuple[int, int]
    value: float


def neighbors_of_each(features: Host, count: int) -> Host:
    """The `count` rows nearest to each of `(N, D)` but itself, nearest first: `(N, count)`."""
    rows = nearest(features, features, k=min(count + 1, len(features)))[1]
    own = np.arange(len(rows))[:, None]
    order = np.argsort(rows == own, axis=1, kind="stable")  # itself, where it is there, at the end
    return np.take_along_axis(rows, order, axis=1)[:, :count]


def agreement(neighbors: Host, labels: Host) -> float:
    """How often a neighbor `(N, count)` has the label of the row whose it is."""
    check_same_shape("agreement: neighbors, labels", neighbors[:, 0], labels)
    return float(np.mean(labels[neighbors] == labels[:, None]))


def peaks(maps: Host, count: int) -> list[Peak]:
    """The `count` pictures in which a unit's map `(N, h, w)` is highest, and where it is so."""
    flat = maps.reshape(len(maps), -1)
    best = flat.max(axis=1)
    order = np.argsort(-best, kind="stable")[:count]
    return [
        Peak(int(i), divmod(int(flat[i].argmax()), maps.shape[2]), float(best[i])) for i in order
    ]


def cut_patch(image: Host, field: Field, place: tuple[int, int]) -> Host:
    """What a place of a map sees of its picture `(H, W, C)`, cut off at the edges."""
    top, left, bottom, right = window_of(field, place, image.shape[:2])
    return image[top:bottom, left:right]


def filter_pictures(kernel: Host) -> Host:
    """Filters `(kh, kw, 1 or 3, F)` as pictures `(F, kh, kw, C)` in [0, 1], gray where they are 0.

    Each has the contrast of its own largest weight.
    """
    filters = np.moveaxis(kernel, -1, 0)
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * filters / np.where(largest > 0, largest, 1)
