"""How a surface passes through one cell: the 256 cases of marching cubes, worked out, not listed.

On each side of a cell the surface leaves lines that keep its inside corners apart from each other;
both cells of a side see the same corners, so that their lines are the same and no gap opens (the
rule that mends the ambiguous cases of Lorensen & Cline 1987). The lines close to loops, and a loop
is cut into triangles by diagonals that run through the inside of the cell, never along a side,
where the neighbor's could meet them.
"""

from functools import cache

import numpy as np

from jaxdl.typing import Host

Corner = tuple[int, ...]
CORNERS: list[Corner] = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
EDGES = [(axis, corner) for axis in range(3) for corner in CORNERS if corner[axis] == 0]


def _edge_between(p: Corner, q: Corner) -> int:
    axis = next(i for i in range(3) if p[i] != q[i])
    return EDGES.index((axis, min(p, q)))


def _rings() -> list[list[Corner]]:
    """The corners of each side, counter-clockwise seen from outside."""
    rings = []
    for axis in range(3):
        for end in (0, 1):
            ring = []
            for s, t in [(0, 0), (1, 0), (1, 1), (0, 1)]:
                corner = [0, 0, 0]
                corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = end, s, t
                ring.append(tuple(corner))
            rings.append(ring if end else ring[::-1])
    return rings


RINGS = _rings()


def _sides_of(edge: int) -> set[int]:
    axis, base = EDGES[edge]
    end = tuple(1 if i == axis else value for i, value in enumerate(base))
    return {i for i, ring in enumerate(RINGS) if base in ring and end in ring}


SIDES = [_sides_of(edge) for edge in range(len(EDGES))]


def _loops(case: int) -> list[list[int]]:
    """The crossed edges in rings; bit i of `case`: corner i is inside."""
    inside = {corner for i, corner in enumerate(CORNERS) if case >> i & 1}
    after: dict[int, int] = {}
    for ring in RINGS:
        for i in range(4):
            if ring[i] in inside and ring[(i + 1) % 4] not in inside:
                start = i
                while ring[start % 4] in inside:  # back to where this run of corners begins
                    start -= 1
                leaves = _edge_between(ring[i], ring[(i + 1) % 4])
                after[leaves] = _edge_between(ring[start % 4], ring[(start + 1) % 4])
    loops = []
    while after:
        loop = [next(iter(after))]
        while (edge := after.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _cut(loop: list[int]) -> list[tuple[int, ...]]:
    """The triangles of a loop with the fewest diagonals along a side (there are always none)."""

    def along_a_side(i: int, j: int) -> bool:
        neighbors = j - i == 1 or (i == 0 and j == len(loop) - 1)
        return not neighbors and bool(SIDES[loop[i]] & SIDES[loop[j]])

    @cache
    def best(i: int, j: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
        if j - i < 2:
            return 0, ()
        ways = []
        for k in range(i + 1, j):
            (a, left), (b, right) = best(i, k), best(k, j)
            count = a + b + along_a_side(i, k) + along_a_side(k, j)
            ways.append((count, (*left, *right, (loop[j], loop[k], loop[i]))))
        return min(ways)

    return list(best(0, len(loop) - 1)[1])


@cache
def case_table() -> tuple[Host, Host]:
    """Triangles of each case as edges of the cell, `(256, 5, 3)`, and their number, `(256,)`.

    Triangles turn counter-clockwise seen from outside of what is inside.
    """
    table, count = np.zeros((256, 5, 3), np.int64), np.zeros(256, np.int64)
    for case in range(256):
        pieces = [triangle for loop in _loops(case) for triangle in _cut(loop)]
        count[case] = len(pieces)
        table[case, : len(pieces)] = np.reshape(pieces, (-1, 3))
    return table, count
