"""Cubified grids of one size for all: a mesh whose vertices are the corners of the cells.

`fields/cubify.py` makes a mesh of a grid on the host. Here any grid's mesh is a part of one lattice
of `(R + 1)^3` corners with all squares between them, so that a program of fixed shapes refines it:
corners, squares and edges that are not of the surface are masked.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_rank
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.typing import Array, Host


class Surface(NamedTuple):
    """What of the lattice is the surface of a grid."""

    along: tuple[Array, Array, Array]  # edges along x: (B, R, R + 1, R + 1) bool; y, z likewise
    faces: Array  # (B, F) bool, of `lattice_faces`


def lattice_corners(resolution: int) -> Host:
    """The corners of the cells of [-1, 1]^3, index x, y, z: `((R + 1)^3, 3)`."""
    axis = np.linspace(-1, 1, resolution + 1)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def lattice_faces(resolution: int) -> Host:
    """Triangles over the corners, `(F, 3)`, F = 12 R^2 (R + 1): two of each square, each way.

    In the order of their axis and of the side that they face, back first.
    """
    corner = np.arange((resolution + 1) ** 3).reshape([resolution + 1] * 3)
    pieces = []
    for axis in range(3):
        ahead = np.moveaxis(corner, axis, 0)  # then the other two in their order
        a, b = ahead[:, :-1, :-1], ahead[:, 1:, :-1]
        c, d = ahead[:, 1:, 1:], ahead[:, :-1, 1:]
        ring = np.stack([a, b, c, d], axis=-1).reshape(-1, 4)
        # From x to y is counter-clockwise seen from z, from x to z clockwise seen from y.
        front = ring if axis != 1 else ring[:, ::-1]
        for side in (front[:, ::-1], front):
            pieces += [side[:, [0, 1, 2]], side[:, [0, 2, 3]]]
    return np.concatenate(pieces)


def surface_of(inside: Array) -> Surface:
    """The surface of grids `(B, R, R, R)` bool: squares between inside and outside, their edges."""
    check_rank("surface_of: inside", inside, 4)
    padded = jnp.pad(inside, ((0, 0), (1, 1), (1, 1), (1, 1)))
    faces, squares = [], []
    for axis in range(3):
        cut = tuple(slice(None) if i in (0, axis + 1) else slice(1, -1) for i in range(4))
        cells = jnp.moveaxis(padded[cut], axis + 1, 1)  # (B, R + 2, R, R)
        below, above = cells[:, :-1], cells[:, 1:]
        back, front = above & ~below, below & ~above  # they face down and up the axis
        for side in (back, front):
            faces += [side.reshape(len(inside), -1)] * 2
        squares.append(jnp.moveaxis(back | front, 1, axis + 1))
    return Surface(
        (
            _rim(squares[1], 3) | _rim(squares[2], 2),
            _rim(squares[0], 3) | _rim(squares[2], 1),
            _rim(squares[0], 2) | _rim(squares[1], 1),
        ),
        jnp.concatenate(faces, axis=1),
    )


def _rim(squares: Array, axis: int) -> Array:
    """Edges on both sides of squares along `axis`, one more than squares."""
    pads = [[(0, 0)] * 4, [(0, 0)] * 4]
    pads[0][axis], pads[1][axis] = (1, 0), (0, 1)
    return jnp.pad(squares, pads[0]) | jnp.pad(squares, pads[1])


def lattice_sum(x: Array, surface: Surface) -> Array:
    """The sum over the neighbors along edges of the surface: `(B, V, C)` -> `(B, V, C)`."""
    side = round(x.shape[1] ** (1 / 3))
    grid = x.reshape(len(x), side, side, side, -1)
    total = jnp.zeros_like(grid)
    for axis, edges in enumerate(surface.along):
        first = tuple(slice(0, -1) if i == axis + 1 else slice(None) for i in range(5))
        second = tuple(slice(1, None) if i == axis + 1 else slice(None) for i in range(5))
        on = edges[..., None]
        up, down = ([(0, 0)] * 5 for _ in range(2))
        up[axis + 1], down[axis + 1] = (0, 1), (1, 0)
        total = total + jnp.pad(jnp.where(on, grid[second], 0), up)
        total = total + jnp.pad(jnp.where(on, grid[first], 0), down)
    return total.reshape(x.shape)


def lattice_edge_loss(vertices: Array, surface: Surface) -> Array:
    """The mean squared length of the edges of the surface, 0 without any: `(B, V, 3)` -> `(B,)`."""
    side = round(vertices.shape[1] ** (1 / 3))
    grid = vertices.reshape(len(vertices), side, side, side, 3)
    total, count = jnp.zeros(len(vertices)), jnp.zeros(len(vertices))
    for axis, edges in enumerate(surface.along):
        squares = jnp.sum(jnp.diff(grid, axis=axis + 1) ** 2, axis=-1)
        total += jnp.sum(jnp.where(edges, squares, 0), axis=(1, 2, 3))
        count += jnp.sum(edges, axis=(1, 2, 3))
    return total / jnp.maximum(count, 1)


def lattice_mesh(vertices: Host, faces: Host) -> Mesh:
    """The surface alone, of one grid: `vertices` `(V, 3)`, `faces` `(F,)` bool."""
    side = round(len(vertices) ** (1 / 3))
    used, number = np.unique(lattice_faces(side - 1)[faces], return_inverse=True)
    return Mesh(np.asarray(vertices)[used], number.reshape(-1, 3))
