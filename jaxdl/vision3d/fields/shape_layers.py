"""Nested shape layers (Richter & Roth 2018, arXiv 1804.10975): bodies as sums and differences.

A layer is what six depth maps can say of a body, one from each side: a cell belongs to it where it
lies between the two maps of each of the three axes. What the layer has too much is a smaller body,
the next layer, which is taken away; and so on, in turn added and taken away.
"""

import numpy as np

from jaxdl.checks import check_positive, check_rank
from jaxdl.typing import Host


def depth_maps(voxels: Host) -> Host:
    """The first and the last cell of each line, along x, y and z: `(R, R, R)` -> `(3, 2, R, R)`.

    A line without a cell has first R and last -1.
    """
    check_rank("depth_maps: voxels", voxels, 3)
    maps = []
    for axis in range(3):
        size, there = voxels.shape[axis], voxels.any(axis=axis)
        first = np.where(there, voxels.argmax(axis=axis), size)
        last = np.where(there, size - 1 - np.flip(voxels, axis).argmax(axis=axis), -1)
        maps.append(np.stack([first, last]))
    return np.stack(maps).astype(np.int32)


def fill(maps: Host) -> Host:
    """The layer of six depth maps, `(3, 2, R, R)` -> `(R, R, R)` bool."""
    size = maps.shape[-1]
    grid = np.ones([size] * 3, bool)
    for axis in range(3):
        place = np.arange(size).reshape([size if i == axis else 1 for i in range(3)])
        first, last = (np.expand_dims(m, axis) for m in maps[axis])
        grid &= (place >= first) & (place <= last)
    return grid


def encode_layers(voxels: Host, layers: int) -> Host:
    """The depth maps of `layers` nested layers: `(R, R, R)` bool -> `(layers, 3, 2, R, R)`."""
    check_positive("encode_layers: layers", layers)
    rest, encoded = voxels.astype(bool), []
    for _ in range(layers):
        encoded.append(depth_maps(rest))
        rest = fill(encoded[-1]) & ~rest
    return np.stack(encoded)


def decode_layers(encoded: Host) -> Host:
    """The body of nested layers: first minus second plus third ..., `(R, R, R)` bool."""
    body = np.zeros([encoded.shape[-1]] * 3, bool)
    for maps in encoded[::-1]:  # from the inmost: a layer less what is in it
        body = fill(maps) & ~body
    return body
