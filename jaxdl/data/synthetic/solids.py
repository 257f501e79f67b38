"""Synthetic solids with everything that can be asked of a shape in space, by formula."""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.data.splits.philox import choose, normals, uniforms, words
from jaxdl.data.synthetic.base import Generated
from jaxdl.data.synthetic.compositions import (
    CLASSES,
    HIGH,
    LOW,
    MOST_PARTS,
    OVERSAMPLED,
    mesh,
    nearest_part,
    normals_at,
    signed_distance,
    surface_points,
)
from jaxdl.data.synthetic.ray_tracer import look
from jaxdl.typing import Host

FIELDS = (
    *("label", "solid", "rotation", "points", "normals", "part", "voxels", "queries", "distances"),
    *("vertices", "faces", "vertex_count", "face_count", "image", "depth", "depth_normals"),
)


class Solids(Generated):
    """One of thirteen `CLASSES`, turned at random. A row (P, Q, R, S, V, F set by options):

    `label` int32; `solid` `(3,)`, its measures (see `compositions`); `rotation` `(3, 3)`, from its
    own frame to the view's; `points` `(P, 3)` even on the surface with `normals` `(P, 3)` and
    `part` `(P,)` int32, numbers in `PARTS`; `voxels` `(R, R, R)` bool over [-1, 1]^3, index x, y,
    z, inside at their centers; `queries` `(Q, 3)` in the cube, half of them near the surface, with
    the signed `distances` `(Q,)`; closed meshes of its parts, `vertices` `(V, 3)`, of which
    `vertex_count` are used, and `faces` `(F, 3)` int32, of which `face_count`; seen from 2.5 off
    the center: `image` `(S, S, 3)` uint8, `depth` `(S, S)` along z, 0 where nothing is, and
    `depth_normals` `(S, S, 3)`, always in the view's frame. Numbers are float32.
    """

    classes = CLASSES

    def __init__(
        self,
        size: int = 10_000,
        seed: int = 0,
        *,
        fields: Sequence[str] = ("points", "normals", "label"),
        frame: str = "view",
        points: int = 1024,
        queries: int = 1024,
        resolution: int = 32,
        image_size: int = 64,
        cells: int = 8,
    ):
        """`fields`: keys of a row, the others cost nothing; `frame`: "view" or "canonical" (own).

        `resolution` R, `image_size` S; `cells` a side of the mesh of each of up to six parts:
        F = 72 cells^2, V = F / 2 + 12.
        """
        super().__init__(size, seed)
        for name in fields:
            check_one_of("Solids: fields", name, FIELDS)
        check_one_of("Solids: frame", frame, ("view", "canonical"))
        numbers = {"points": points, "queries": queries, "resolution": resolution}
        numbers |= {"image_size": image_size, "cells": cells}
        for name, value in numbers.items():
            check_positive(f"Solids: {name}", value)
        self.fields, self.frame, self.numbers = tuple(fields), frame, numbers

    @property
    def description(self) -> str:
        """One line for reports."""
        return f"synthetic solids, {self.frame} frame, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        u = uniforms(self.seed, "solids", rows, 4)
        label = choose(u[:, 0], len(CLASSES))
        solids = LOW[label] + (HIGH - LOW)[label] * u[:, 1:]
        rotation = rotations(normals(self.seed, "solids.rotation", rows, 4))
        pieces = [np.flatnonzero(label == kind) for kind in range(len(CLASSES))]
        made: dict[str, Host] = {}
        for kind, of in enumerate(pieces):
            if not len(of):
                continue
            part = self.of_kind(kind, rows[of], solids[of], rotation[of])
            part |= {"label": label[of], "solid": solids[of], "rotation": rotation[of]}
            for name in self.fields:
                value = part[name]
                if name not in made:
                    made[name] = np.zeros((len(rows), *value.shape[1:]), row_dtype(value))
                made[name][of] = value
        return made

    def of_kind(self, kind: int, rows: Host, solids: Host, rotation: Host) -> dict[str, Host]:
        """The fields of rows of one kind."""
        made, wanted = {}, set(self.fields)
        placed = rotation if self.frame == "view" else np.broadcast_to(np.eye(3), rotation.shape)
        if wanted & {"points", "normals", "part"}:
            u = self.numbers_of(rows, "solids.points", "points", 4 * OVERSAMPLED)
            points = surface_points(kind, solids, split_numbers(u))
            made["part"] = nearest_part(kind, solids, points)
            made["points"] = turn(placed, points)
            made["normals"] = turn(placed, normals_at(kind, solids, points))
        if "voxels" in wanted:
            made["voxels"] = voxels(kind, solids, placed, self.numbers["resolution"])
        if wanted & {"queries", "distances"}:
            queries = self.queries(kind, rows, solids)
            made["distances"] = signed_distance(kind, solids, queries)
            made["queries"] = turn(placed, queries)
        if wanted & {"vertices", "faces", "vertex_count", "face_count"}:
            made |= padded_mesh(kind, solids, placed, self.numbers["cells"])
        if wanted & {"image", "depth", "depth_normals"}:
            depth, facing = look(kind, solids, rotation, self.numbers["image_size"])
            made |= {"depth": depth, "depth_normals": facing}
        if "image" in wanted:
            made["image"] = shade(self.seed, rows, made["depth_normals"])
        return made

    def numbers_of(self, rows: Host, stream: str, name: str, width: int) -> Host:
        """Uniform numbers `(m, count, width)`, `count` the option `name`."""
        count = self.numbers[name]
        return uniforms(self.seed, stream, rows, count * width).reshape(len(rows), count, width)

    def queries(self, kind: int, rows: Host, solids: Host) -> Host:
        """Points `(m, Q, 3)` in the own frame: in the cube, every other one near the surface."""
        u = self.numbers_of(rows, "solids.queries", "queries", 3 + 4 * OVERSAMPLED)
        anywhere = 2 * u[:, 0::2, :3] - 1
        near = surface_points(kind, solids, split_numbers(u[:, 1::2, 3:]))
        near += 0.2 * (u[:, 1::2, :3] - 0.5)
        made = np.empty((*u.shape[:2], 3))
        made[:, 0::2], made[:, 1::2] = anywhere, near
        return made


def split_numbers(u: Host) -> Host:
    """The numbers of a point as those of several candidates: `(m, n, 4 k)` -> `(m, k n, 4)`."""
    return u.reshape(len(u), -1, 4)


def row_dtype(value: Host) -> np.dtype:
    """How a row keeps numbers: float32 and int32, others as they are."""
    kinds = {"f": np.float32, "i": np.int32}
    return np.dtype(kinds.get(value.dtype.kind, value.dtype))


def rotations(quaternions: Host) -> Host:
    """Matrices of evenly spread turns, from four normal numbers each: `(n, 4)` -> `(n, 3, 3)`."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def turn(rotation: Host, points: Host) -> Host:
    """Each row's points turned: `(m, 3, 3)`, `(m, n, 3)` -> `(m, n, 3)`."""
    return np.einsum("mij,mnj->mni", rotation, points)


def voxels(kind: int, solids: Host, rotation: Host, resolution: int) -> Host:
    """Whether the centers of the cells of [-1, 1]^3 are inside: `(m, R, R, R)` bool."""
    middle = (np.arange(resolution) + 0.5) * 2 / resolution - 1
    centers = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    own = np.einsum("mji,nj->mni", rotation, centers)  # back to the solid's frame
    return (signed_distance(kind, solids, own) <= 0).reshape(-1, *[resolution] * 3)


def padded_mesh(kind: int, solids: Host, rotation: Host, cells: int) -> dict[str, Host]:
    """The mesh of each solid, with the same number of vertices and faces for every kind."""
    vertices, faces = mesh(kind, solids, cells)
    most = MOST_PARTS * 12 * cells**2
    missing = most // 2 + 2 * MOST_PARTS - vertices.shape[1], most - len(faces)
    padded = np.pad(faces, ((0, missing[1]), (0, 0)))
    return {
        "vertices": np.pad(turn(rotation, vertices), ((0, 0), (0, missing[0]), (0, 0))),
        "faces": np.broadcast_to(padded, (len(solids), *padded.shape)),
        "vertex_count": np.full(len(solids), vertices.shape[1]),
        "face_count": np.full(len(solids), len(faces)),
    }


def shade(seed: int, rows: Host, facing: Host) -> Host:
    """Matt solids of random color under a random light from the eye's side: uint8."""
    u = uniforms(seed, "solids.light", rows, 6)
    light = np.stack([2 * u[:, 3] - 1, -u[:, 4], -0.5 - u[:, 5]], axis=1)
    light /= np.linalg.norm(light, axis=1, keepdims=True)
    lit = np.maximum(np.einsum("mhwc,mc->mhw", facing, light), 0)
    there = (facing**2).sum(axis=-1) > 0.5
    color = 90 + 110 * u[:, None, None, :3]
    image = np.where(there[..., None], color * (0.35 + 0.65 * lit)[..., None], 25.0)
    count = int(np.prod(image.shape[1:]))
    noise = words(seed, "solids.noise", rows, (count + 3) // 4).astype("<u4").view(np.uint8)
    return (image + noise[:, :count].reshape(image.shape) / 16).astype(np.uint8)
