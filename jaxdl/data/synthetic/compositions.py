"""Thirteen classes of solids: the four of `solid_surfaces`, and things put together of them.

A thing is three numbers, `(m, 3)`, from which its parts follow. All parts are closed solids; the
thing is their union, and no point of it is further than 0.91 from its center.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxdl.data.synthetic import solid_surfaces as simple
from jaxdl.typing import Host

SPHERE, BOX, CYLINDER, TORUS = range(4)
LYING = (2, 0, 1)  # the axis of what lies is y, no longer z
UPRIGHT = (0, 1, 2)
OVERSAMPLED = 3  # points drawn for each one kept: those within other parts are left out


@dataclass(frozen=True)
class Part:
    """A solid of `solid_surfaces` in its place: own coordinates are `(point - center)[axes]`."""

    name: str
    kind: int
    sizes: Host  # (m, 3)
    center: Host  # (m, 3)
    axes: tuple[int, ...] = UPRIGHT

    def own(self, points: Host) -> Host:
        """Points `(m, n, 3)` in the part's own frame."""
        return (points - self.center[:, None])[..., list(self.axes)]

    def back(self, vectors: Host) -> Host:
        """Vectors of the part's own frame in that of the thing."""
        return vectors[..., np.argsort(self.axes)]

    def distance(self, points: Host) -> Host:
        """The part's own signed distance, `(m, n)`."""
        return simple.signed_distance(self.kind, self.sizes, self.own(points))

    def area(self) -> Host:
        """Of its surface, `(m,)`."""
        a, b, c = self.sizes.T
        return [
            4 * np.pi * a**2,
            8 * (a * b + b * c + c * a),
            4 * np.pi * a * b + 2 * np.pi * a**2,
            4 * np.pi**2 * a * b,
        ][self.kind]


def _stack(*columns: Host | float) -> Host:
    size = max(np.size(c) for c in columns)
    return np.stack([np.broadcast_to(c, size) for c in columns], axis=1).astype(np.float64)


def _part(name: str, kind: int, sizes: tuple, center: tuple, axes: tuple = UPRIGHT) -> Part:
    rows = max(np.size(value) for value in (*sizes, *center))
    sizes, center = (tuple(np.broadcast_to(v, rows) for v in values) for values in (sizes, center))
    return Part(name, kind, _stack(*sizes), _stack(*center), axes)


def _dumbbell(ball: Host, half: Host, bar: Host) -> list[Part]:
    weights = [_part("weight", SPHERE, (ball, 0, 0), (0, 0, z)) for z in (-half, half)]
    return [*weights, _part("bar", CYLINDER, (bar, half, 0), (0, 0, 0))]


def _snowman(body: Host, head: Host, lean: Host) -> list[Part]:
    top = body - 0.3 + 0.7 * head
    return [
        _part("body", SPHERE, (body, 0, 0), (0, 0, -0.3)),
        _part("head", SPHERE, (head, 0, 0), (lean, 0, top)),
    ]


def _table(half: Host, leg: Host, radius: Host) -> list[Part]:
    legs = [
        _part(
            "leg", CYLINDER, (radius, leg, 0), (x * (half - radius), y * (0.8 * half - radius), 0)
        )
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return [_part("top", BOX, (half, 0.8 * half, 0.06), (0, 0, leg)), *legs]


def _mug(radius: Host, half: Host, tube: Host) -> list[Part]:
    return [
        _part("cup", CYLINDER, (radius, half, 0), (0, 0, 0)),
        _part("handle", TORUS, (half / 2, tube, 0), (radius, 0, 0), LYING),
    ]


def _mushroom(cap: Host, half: Host, radius: Host) -> list[Part]:
    return [
        _part("cap", SPHERE, (cap, 0, 0), (0, 0, half)),
        _part("stem", CYLINDER, (radius, 0.5, 0), (0, 0, -0.25)),
    ]


def _hammer(half: Host, handle: Host, radius: Host) -> list[Part]:
    return [
        _part("head", BOX, (half, 0.12, 0.13), (0, 0, handle)),
        _part("handle", CYLINDER, (radius, handle, 0), (0, 0, 0)),
    ]


def _hat(brim: Host, half: Host, radius: Host) -> list[Part]:
    return [
        _part("brim", CYLINDER, (brim, 0.05, 0), (0, 0, -half)),
        _part("crown", CYLINDER, (radius, half, 0), (0, 0, 0)),
    ]


def _ring(band: Host, tube: Host, gem: Host) -> list[Part]:
    return [
        _part("band", TORUS, (band, tube, 0), (0, 0, 0)),
        _part("gem", SPHERE, (gem, 0, 0), (band + gem / 2, 0, 0)),
    ]


def _chair(half: Host, leg: Host, back: Host) -> list[Part]:
    legs = [
        _part("leg", CYLINDER, (0.05, leg, 0), (x * (half - 0.06), y * (half - 0.06), -leg))
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    seat = _part("seat", BOX, (half, half, 0.05), (0, 0, 0))
    return [seat, _part("back", BOX, (0.04, half, back), (0.04 - half, 0, back)), *legs]


# name: parts from three numbers, the least and the greatest of each
THINGS: dict[str, tuple[Callable[..., list[Part]], tuple[float, ...], tuple[float, ...]]] = {
    "dumbbell": (_dumbbell, (0.2, 0.4, 0.06), (0.3, 0.55, 0.12)),
    "snowman": (_snowman, (0.4, 0.22, 0), (0.5, 0.3, 0.05)),
    "table": (_table, (0.4, 0.25, 0.04), (0.55, 0.4, 0.08)),
    "mug": (_mug, (0.3, 0.35, 0.05), (0.42, 0.5, 0.08)),
    "mushroom": (_mushroom, (0.35, 0.3, 0.1), (0.5, 0.4, 0.18)),
    "hammer": (_hammer, (0.25, 0.5, 0.05), (0.4, 0.65, 0.09)),
    "hat": (_hat, (0.5, 0.25, 0.25), (0.7, 0.4, 0.35)),
    "ring": (_ring, (0.4, 0.06, 0.14), (0.5, 0.1, 0.22)),
    "chair": (_chair, (0.3, 0.2, 0.25), (0.4, 0.3, 0.35)),
}
CLASSES = (*simple.KINDS, *THINGS)
LOW = np.concatenate([simple.LOW, [low for _, low, _ in THINGS.values()]])
HIGH = np.concatenate([simple.HIGH, [high for *_, high in THINGS.values()]])


def parts_of(kind: int, solids: Host) -> list[Part]:
    """The parts of things of one class, `(m, 3)`."""
    if kind < len(simple.KINDS):
        return [Part(simple.KINDS[kind], kind, solids, np.zeros_like(solids))]
    make, _, _ = THINGS[CLASSES[kind]]
    return make(*solids.T)


def _part_names() -> tuple[tuple[str, ...], ...]:
    names = [[part.name for part in parts_of(k, LOW[k : k + 1])] for k in range(len(CLASSES))]
    return tuple(tuple(dict.fromkeys(of)) for of in names)


PART_NAMES = _part_names()  # of each class
PARTS = tuple(  # every part of every class: what a point's `part` counts
    f"{name} {part}" for name, of in zip(CLASSES, PART_NAMES, strict=True) for part in of
)
MOST_PARTS = max(len(parts_of(k, LOW[k : k + 1])) for k in range(len(CLASSES)))
FIRST_PART = np.cumsum([0, *map(len, PART_NAMES)])[:-1]


def signed_distance(kind: int, solids: Host, points: Host) -> Host:
    """The distance to the surface, negative inside: `(m, 3)`, `(m, n, 3)` -> `(m, n)`.

    Exact outside and in things of one part; inside of more it is at least as near as it says.
    """
    return np.min([part.distance(points) for part in parts_of(kind, solids)], axis=0)


def nearest_part(kind: int, solids: Host, points: Host) -> Host:
    """The number in `PARTS` of the part that is nearest to each point, `(m, n)` int."""
    parts = parts_of(kind, solids)
    place = np.argmin([part.distance(points) for part in parts], axis=0)
    number = [PART_NAMES[kind].index(part.name) for part in parts]
    return FIRST_PART[kind] + np.array(number)[place]


def normals_at(kind: int, solids: Host, points: Host) -> Host:
    """The outward unit normals at points of the surface, `(m, n, 3)`."""
    parts = parts_of(kind, solids)
    place = np.argmin([part.distance(points) for part in parts], axis=0)
    normals = np.zeros(points.shape)
    for i, part in enumerate(parts):
        with np.errstate(divide="ignore", invalid="ignore"):  # far from the part, and not asked for
            own = part.back(simple.normals_at(part.kind, part.sizes, part.own(points)))
        normals = np.where((place == i)[..., None], own, normals)
    return normals


def surface_points(kind: int, solids: Host, u: Host) -> Host:
    """Points spread evenly over the outside, from uniform `u` `(m, 3 n, 4)`: `(m, n, 3)`.

    Parts are chosen by their area; what falls into another part is left out. Should fewer than n of
    the 3 n be left, some are taken twice.
    """
    parts, count = parts_of(kind, solids), u.shape[1] // OVERSAMPLED
    if len(parts) == 1:
        return simple.surface_points(kind, solids, u[:, :count, :3])
    area = np.stack([part.area() for part in parts], axis=1)
    share = np.cumsum(area, axis=1) / area.sum(axis=1, keepdims=True)
    chosen = (u[..., 3:] > share[:, None, :-1]).sum(axis=-1)  # (m, 3 n)
    points = np.zeros((*u.shape[:2], 3))
    for i, part in enumerate(parts):
        on_it = part.back(simple.surface_points(part.kind, part.sizes, u[..., :3]))
        points = np.where((chosen == i)[..., None], on_it + part.center[:, None], points)
    away = np.stack([part.distance(points) for part in parts], axis=-1)
    away[np.arange(len(parts)) == chosen[..., None]] = np.inf
    outside = (away > 0).all(axis=-1)
    order = np.argsort(~outside, axis=1, kind="stable")
    kept = np.maximum(outside.sum(axis=1, keepdims=True), 1)
    rows = np.take_along_axis(order, np.arange(count)[None] % kept, axis=1)
    return np.take_along_axis(points, rows[..., None], axis=1)


def mesh(kind: int, solids: Host, cells: int) -> tuple[Host, Host]:
    """Closed meshes of all parts, one after the other: `(m, V, 3)`, `(F, 3)`.

    Parts reach into each other, so that space within two of them is wound around twice.
    """
    vertices, faces, total = [], [], 0
    for part in parts_of(kind, solids):
        places, corners = simple.mesh(part.kind, part.sizes, cells)
        vertices.append(part.back(places) + part.center[:, None])
        faces.append(corners + total)
        total += places.shape[1]
    return np.concatenate(vertices, axis=1), np.concatenate(faces).astype(np.int32)
