"""Pictures of upright solids from around, with what is to be told from one of them."""

import numpy as np

from jaxdl.checks import check_positive
from jaxdl.data.config import SolidsData
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic import compositions
from jaxdl.data.synthetic.solids import Solids, voxels
from jaxdl.typing import Host
from jaxdl.vision3d.single_view.kept_rows import kept_rows
from jaxdl.vision3d.surfaces.render import around, render

UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # z is up in solids, y in `around`
TILT = 0.1, 0.7  # how far above the eye is, in radians
PALETTE = np.array([[205, 120, 90], [90, 140, 205], [120, 180, 110], [200, 180, 90]])
CELLS = 8  # of the meshes that are rendered


def eye_turns(u: Host) -> Host:
    """Rotations to views from around and a little above, from `u` `(n, 2)` in [0, 1)."""
    low, high = TILT
    turns = [around(2 * np.pi * a, tilt=low + (high - low) * b) @ UPRIGHT for a, b in u]
    return np.stack(turns)


def solid_mesh(kind: int, measures: Host) -> Mesh:
    """The mesh, in its own frame, of the solid of these measures `(3,)`."""
    vertices, faces = compositions.mesh(kind, np.asarray(measures, np.float64)[None], CELLS)
    return Mesh(vertices[0], faces)


def part_colors(kind: int, measures: Host, mesh: Mesh) -> Host:
    """A color of each face by the part that it belongs to: `(F, 3)` in 0..255."""
    middles = mesh.vertices[mesh.faces].mean(axis=1)[None]
    part = compositions.nearest_part(kind, measures, middles)[0]
    return PALETTE[(part - compositions.FIRST_PART[kind]) % len(PALETTE)]


def view_splits(cfg: SolidsData, *, views: int) -> dict[str, Split]:
    """`train` and `test`, a row for each picture:

    `image` `(S, S, 3)` uint8; `label`, `solid` `(3,)` (its measures) and `rotation` `(3, 3)`
    from its own frame to the view's; `points`, `normals` `(P, 3)` and `voxels` `(R, R, R)` over
    [-1, 1]^3 in `cfg.frame`; `longest`, the longest side of the upright solid's box; `known`,
    whether it is one of the solids of the training pictures.

    There are `views` pictures of each of `cfg.synthetic_rows` solids to learn from. The test's are
    all of other views: one each of a tenth as many other solids, and of as many known ones. They
    are kept in the cache folder, by a hash of all that they depend on.
    """
    check_positive("view_splits: views", views)
    size = cfg.size(64)[0]
    options = (cfg.frame, cfg.points, cfg.resolution, cfg.synthetic_rows, size, views)
    made = kept_rows("views", options, lambda: make_arrays(cfg, views, size))
    sources = {role: ArraySource(rows) for role, rows in made.items()}
    about = f"synthetic views of solids, {cfg.frame} frame"
    opened = Dataset(sources, compositions.CLASSES, synthetic=about)
    assigned = assign_splits(opened, cfg)
    return {role: place_split(opened, part, cfg) for role, part in assigned.items()}


def make_arrays(cfg: SolidsData, views: int, size: int) -> dict[str, dict[str, Host]]:
    """The rows of both splits, rendered."""
    known = cfg.synthetic_rows
    fresh = max(1, known // 10)
    solids = Solids(
        known + fresh,
        fields=("label", "solid", "points", "normals"),
        frame="canonical",
        points=cfg.points,
    ).rows(np.arange(known + fresh))
    draw = np.random.default_rng(0)
    of = {
        "train": np.repeat(np.arange(known), views),
        "test": np.concatenate([np.arange(known, known + fresh), np.arange(fresh)]),
    }
    turns = {role: eye_turns(draw.random((len(number), 2))) for role, number in of.items()}
    color = 90 + 130 * draw.random((known + fresh, 3))
    return {
        role: {
            **view_of_solids(cfg, solids, color, number, turns[role], size),
            "known": number < known,
        }
        for role, number in of.items()
    }


def view_of_solids(
    cfg: SolidsData, solids: dict[str, Host], color: Host, number: Host, turns: Host, size: int
) -> dict[str, Host]:
    """A row for each of the solids `number` `(n,)`, seen under `turns` `(n, 3, 3)`."""
    own = np.broadcast_to(np.eye(3), turns.shape)
    placed = turns if cfg.frame == "view" else own
    label, measures = solids["label"][number], solids["solid"][number]
    images, grids, longest = [], [], []
    for i, n in enumerate(number):
        mesh = solid_mesh(label[i], measures[i])
        images.append(render(mesh, size, rotation=turns[i], smooth=1, color=color[n]))
        one = np.asarray(measures[i : i + 1], np.float64)
        grids.append(voxels(label[i], one, placed[i : i + 1], cfg.resolution)[0])
        longest.append(np.ptp(mesh.vertices, axis=0).max())
    return {
        "image": np.stack(images),
        "voxels": np.stack(grids),
        "longest": np.array(longest, np.float32),
        "label": label,
        "solid": measures,
        "rotation": turns.astype(np.float32),
        "points": np.einsum("nij,npj->npi", placed, solids["points"][number]).astype(np.float32),
        "normals": np.einsum("nij,npj->npi", placed, solids["normals"][number]).astype(np.float32),
    }
