"""Octrees: space in cubes that are divided only where the surface is.

A grid of 1024^3 float32 numbers takes 4 GB; the cells that a surface passes through are of order
1024^2, and only they need the finest level.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.typing import Host

EMPTY, FULL = -1, -2
OFFSETS = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
ROOM = 1 << 20  # points that a distance is asked for at once


@dataclass(frozen=True)
class Octree:
    """Levels from the root down, the last of single cells, over [-bound, bound]^3.

    `levels[l]` `(n, 8)` int32 holds, for each divided cube of level l, its eighths in the order of
    bits x, y, z: `EMPTY`, `FULL`, or the row of a divided one in the next level. `cells` `(n,)`
    uint8 holds the 2 x 2 x 2 finest cells of the cubes divided last, one bit each.
    """

    levels: tuple[Host, ...]
    cells: Host
    bound: float

    @property
    def depth(self) -> int:
        """Levels below the root: the finest cells are 2^depth to a side."""
        return len(self.levels) + 1

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(level.nbytes for level in self.levels) + self.cells.nbytes


def grid_bytes(resolution: int, dtype: str = "float32") -> int:
    """Bytes of the full grid: 4 GiB for 1024^3 float32 numbers."""
    return resolution**3 * np.dtype(dtype).itemsize


def octree_of_voxels(voxels: Host, *, bound: float = 1.0) -> Octree:
    """The octree of a grid `(R, R, R)` bool, R a power of two from 4 on; nothing is lost."""
    depth = _depth_of(voxels.shape)
    blocks = [_eighths(voxels)]
    for _ in range(depth - 1):
        blocks.append(_eighths(_uniform(blocks[-1])))
    return _assemble(blocks[::-1], bound)


def octree_of_distance(
    distance: Callable[[Host], Host], depth: int, *, bound: float = 1.0
) -> Octree:
    """The octree of what is inside of a surface, without the full grid.

    `distance` `(n, 3)` -> `(n,)` is signed, negative inside, and changes by no more than the way
    between two points: a cube whose center is further from the surface than its corners is not
    divided. A finest cell is full where the distance at its center is not positive.
    """
    check_positive("octree_of_distance: depth - 1", depth - 1)
    cubes, values = np.zeros((1, 3), np.int64), []
    for level in range(1, depth + 1):
        eighths = (cubes[:, None] * 2 + OFFSETS).reshape(-1, 3)
        side = 2 * bound / 2**level
        middle = (eighths + 0.5) * side - bound
        away = np.concatenate([distance(middle[i : i + ROOM]) for i in range(0, len(middle), ROOM)])
        value = np.where(away > 0, EMPTY, FULL)
        if level < depth:
            value[np.abs(away) <= side * np.sqrt(3) / 2 * (1 + 1e-6)] = 0
        values.append(value.reshape(-1, 8))
        cubes = eighths[value == 0]
    return _assemble_sparse(values, bound)


def query(tree: Octree, points: Host) -> Host:
    """Whether the finest cells of the points are full, `(n, 3)` -> `(n,)` bool; False outside."""
    resolution = 2**tree.depth
    cell = np.floor((points + tree.bound) * (resolution / (2 * tree.bound))).astype(np.int64)
    inside = ((cell >= 0) & (cell < resolution)).all(axis=1)
    cell = np.where(inside[:, None], cell, 0)
    state = np.zeros(len(points), np.int64)
    for level, nodes in enumerate(tree.levels):
        open_ = state >= 0
        state[open_] = nodes[state[open_], _eighth(cell[open_], tree.depth - 1 - level)]
    open_ = state >= 0
    bits = tree.cells[state[open_]] >> _eighth(cell[open_], 0) & 1
    state[open_] = np.where(bits, FULL, EMPTY)
    return (state == FULL) & inside


def voxels_of(tree: Octree) -> Host:
    """The full grid `(R, R, R)` bool."""
    size = 2**tree.depth
    i = np.arange(size)
    middle = (i + 0.5) * (2 * tree.bound / size) - tree.bound
    points = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1)
    return query(tree, points.reshape(-1, 3)).reshape([size] * 3)


def _eighth(cell: Host, bit: int) -> Host:
    x, y, z = (cell >> bit & 1).T
    return 4 * x + 2 * y + z


def _depth_of(shape: tuple[int, ...]) -> int:
    size = shape[0] if len(shape) == 3 and len(set(shape)) == 1 else 0
    depth = size.bit_length() - 1
    if depth < 2 or size != 2**depth:
        raise ValueError(
            f"octree_of_voxels: voxels must be (R, R, R), R a power of two from 4 on, got {shape}"
        )
    return depth


def _eighths(grid: Host) -> Host:
    """`(2n, 2n, 2n)` -> the eighths of each block, `(n, n, n, 8)`."""
    n = len(grid) // 2
    blocks = grid.reshape(n, 2, n, 2, n, 2).transpose(0, 2, 4, 1, 3, 5)
    return blocks.reshape(n, n, n, 8)


def _uniform(eighths: Host) -> Host:
    """EMPTY, FULL, or 0 where a block is of both; from bool or from such numbers."""
    if eighths.dtype == bool:
        eighths = np.where(eighths, FULL, EMPTY).astype(np.int8)
    same = (eighths == eighths[..., :1]).all(axis=-1)
    return np.where(same, eighths[..., 0], 0)


def _assemble(blocks: list[Host], bound: float) -> Octree:
    """From dense levels, root first: each `(n, n, n, 8)`."""
    values, cubes = [], np.zeros((1, 3), np.int64)
    for block in blocks:
        value = block[tuple(cubes.T)]
        value = np.where(value, FULL, EMPTY) if value.dtype == bool else value.astype(np.int64)
        values.append(value)
        eighths = (cubes[:, None] * 2 + OFFSETS).reshape(-1, 3)
        cubes = eighths[value.ravel() == 0]
    return _assemble_sparse(values, bound)


def _assemble_sparse(values: list[Host], bound: float) -> Octree:
    """From the eighths of divided cubes, level by level; cubes of one kind are closed again."""
    values = [value.copy() for value in values]
    for level in range(len(values) - 1, 0, -1):
        kind = _uniform(values[level])
        above = values[level - 1].ravel()
        above[np.flatnonzero(above == 0)] = kind
        values[level - 1] = above.reshape(-1, 8)
        values[level] = values[level][kind == 0]
    levels = []
    for value in values[:-1]:
        open_ = value.ravel() == 0
        rows = np.where(open_, np.cumsum(open_) - 1, value.ravel())
        levels.append(rows.reshape(-1, 8).astype(np.int32))
    cells = np.packbits(values[-1] == FULL, axis=1, bitorder="little").reshape(-1)
    return Octree(tuple(levels), cells, bound)
