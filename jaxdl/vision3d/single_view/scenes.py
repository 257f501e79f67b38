"""Pictures of several solids with their boxes, and each as seen in its box."""

from dataclasses import dataclass

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.config import SolidsData
from jaxdl.data.meshes.mesh import Mesh, unit
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic import compositions
from jaxdl.data.synthetic.solids import Solids
from jaxdl.typing import Host
from jaxdl.vision3d.fields.voxels import centers
from jaxdl.vision3d.single_view.kept_rows import kept_rows
from jaxdl.vision3d.single_view.rendered_views import eye_turns, solid_mesh
from jaxdl.vision3d.surfaces.render import DISTANCE, FOCAL, render

OBJECTS = 2
APART = 0.75  # of the centers, left and right of the middle
AWAY = 4.0  # of the eye from the plane of the centers
SHIFT = 0.2  # most that a center is moved along each axis
DEEP = 1.2  # half of a box's depth over half of its longer side, at the center's depth


def scene_splits(cfg: SolidsData) -> dict[str, Split]:
    """`train` and `test`, a row for each picture of two solids, `cfg.synthetic_rows` to learn from.

    `image` `(S, S, 3)` uint8; of each solid (N = 2): `boxes` `(N, 4)` in pixels, `kept` `(N,)`, all
    true, `labels` `(N,)` int32, all 0; `depth` `(N,)`, of its center; `points`, `normals`
    `(N, P, 3)` and `voxels` `(N, R, R, R)` in its box (`Window`); `label`, `solid`, `rotation`,
    `center`, `longest` as in `rendered_views.py`. The test's solids, a fifth as many, are others.
    Kept as there.
    """
    check_positive("scene_splits: data.points", cfg.points)
    options = (cfg.points, cfg.resolution, cfg.synthetic_rows, cfg.size(96)[0])
    made = kept_rows("scenes", options, lambda: make(cfg))
    sources = {role: ArraySource(rows) for role, rows in made.items()}
    opened = Dataset(sources, ("solid",), synthetic="synthetic scenes of solids")
    assigned = assign_splits(opened, cfg)
    return {role: place_split(opened, part, cfg) for role, part in assigned.items()}


@dataclass(frozen=True)
class Window:
    """A box `(4,)` in pixels of a picture of `size`, and how deep its middle is.

    Places in it are in [-1, 1] across and down where the eye sees them, whatever their depth, and
    `DEEP` times half of the longer side, at that depth, is 1 along z (Gkioxari et al. 2019,
    1906.02739, section 3.2). Depth itself no picture tells: it is given, as in the paper.
    """

    box: Host
    depth: float
    size: int

    @property
    def frame(self) -> tuple[Host, Host, float]:
        """The box's middle and half its sides on the plane z = 1, and what is 1 along z."""
        pixel = 1 / (FOCAL * self.size)
        middle = ((self.box[2:] + self.box[:2]) / 2 - self.size / 2) * pixel
        half = np.maximum((self.box[2:] - self.box[:2]) / 2, 1e-3) * pixel
        return middle, half, float(DEEP * half.max() * self.depth)

    def enter(self, points: Host) -> Host:
        """Places of the eye's frame, z from the eye, `(..., 3)`."""
        middle, half, deep = self.frame
        across = (points[..., :2] / points[..., 2:] - middle) / half
        return np.concatenate([across, (points[..., 2:] - self.depth) / deep], axis=-1)

    def leave(self, places: Host) -> Host:
        """The inverse of `enter`."""
        middle, half, deep = self.frame
        z = places[..., 2:] * deep + self.depth
        return np.concatenate([(places[..., :2] * half + middle) * z, z], axis=-1)

    def turn_normals(self, points: Host, normals: Host) -> Host:
        """Unit normals at places of the eye's frame, in the box: the derivative's transpose."""
        _, half, deep = self.frame
        x, y, z = np.moveaxis(points, -1, 0)
        n = np.moveaxis(normals, -1, 0)
        along = deep * (n[0] * x / z + n[1] * y / z + n[2])
        return unit(np.stack([half[0] * z * n[0], half[1] * z * n[1], along], axis=-1))


def box_of(mesh: Mesh, size: int) -> Host:
    """The box around what is seen of a mesh in the eye's frame, in pixels: `(4,)`."""
    seen = FOCAL * size * mesh.vertices[:, :2] / mesh.vertices[:, 2:] + size / 2
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)])


def box_voxels(
    kind: int, measures: Host, turn: Host, center: Host, window: Window, resolution: int
) -> Host:
    """Which cells of a window's [-1, 1]^3 have their middle in the solid, `(R, R, R)`."""
    middle = centers(resolution)
    cells = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    own = (window.leave(cells) - center) @ turn
    return compositions.signed_distance(kind, measures, own[None]).reshape([resolution] * 3) <= 0


def make(cfg: SolidsData) -> dict[str, dict[str, Host]]:
    """The rows of both splits, rendered."""
    train = cfg.synthetic_rows
    count = train + max(1, train // 5)
    fields = ("label", "solid", "points", "normals")
    source = Solids(count * OBJECTS, fields=fields, frame="canonical", points=cfg.points)
    solids = source.rows(np.arange(count * OBJECTS))
    draw, size = np.random.default_rng(0), cfg.size(96)[0]
    rows = [scene(cfg, solids, OBJECTS * i + np.arange(OBJECTS), draw, size) for i in range(count)]
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return {
        "train": {k: v[:train] for k, v in stacked.items()},
        "test": {k: v[train:] for k, v in stacked.items()},
    }


def scene(
    cfg: SolidsData, solids: dict[str, Host], number: Host, draw: np.random.Generator, size: int
) -> dict[str, Host]:
    """One row: solids beside each other before the eye."""
    turns = eye_turns(draw.random((OBJECTS, 2)))
    center = SHIFT * (2 * draw.random((OBJECTS, 3)) - 1) + np.array([0, 0, AWAY])
    center[:, 0] += np.array([-APART, APART])
    label, measures = solids["label"][number], solids["solid"][number]
    rows, vertices, faces, total = [], [], [], 0
    for i, n in enumerate(number):
        own = solid_mesh(label[i], measures[i])
        turn, one = turns[i], (label[i], np.asarray(measures[i : i + 1], np.float64))
        placed = Mesh(own.vertices @ turn.T + center[i], own.faces)
        points, normals = (solids[name][n] @ turn.T for name in ("points", "normals"))
        window = Window(box_of(placed, size), float(center[i, 2]), size)
        rows.append(
            {
                "boxes": window.box.astype(np.float32),
                "points": window.enter(points + center[i]).astype(np.float32),
                "normals": window.turn_normals(points + center[i], normals).astype(np.float32),
                "voxels": box_voxels(*one, turn, center[i], window, cfg.resolution),
                "longest": np.float32(np.ptp(own.vertices, axis=0).max()),
            }
        )
        vertices.append(placed.vertices - np.array([0, 0, DISTANCE]))
        faces.append(own.faces + total)
        total += len(own.vertices)
    colors = [np.broadcast_to(90 + 130 * draw.random(3), of.shape) for of in faces]
    together = Mesh(np.concatenate(vertices), np.concatenate(faces))
    return {
        **{name: np.stack([row[name] for row in rows]) for name in rows[0]},
        "image": render(together, size, smooth=1, color=np.concatenate(colors)),
        "labels": np.zeros(OBJECTS, np.int32),
        "kept": np.ones(OBJECTS, bool),
        "label": label,
        "solid": measures,
        "rotation": turns.astype(np.float32),
        "center": center.astype(np.float32),
        "depth": center[:, 2].astype(np.float32),
    }
