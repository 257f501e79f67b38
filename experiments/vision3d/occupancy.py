"""One closed mesh as an implicit surface, extracted again: jaxdl run spot_occupancy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, MeshesData
from jaxdl.data.files.own_path import own_path
from jaxdl.data.meshes.mesh import (
    Mesh,
    euler_number,
    normalize,
    openings,
    sample_surface,
    split_parts,
)
from jaxdl.data.meshes.mesh_files import read_mesh, write_mesh
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.shapes import chamfer_distance, f1_score, nearest_pairs, voxel_iou
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, as_it_is, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree
from jaxdl.vision3d.fields.crossings import contains
from jaxdl.vision3d.fields.signed_distance import signed_distance
from jaxdl.vision3d.implicit import (
    TARGETS,
    ImplicitField,
    below_zero_inside,
    extract,
    field_of,
    implicit_loss,
)
from jaxdl.vision3d.surfaces.render import turntable

POINTS = 20_000  # on each surface, for the scores of the extracted one
FRAME = 1.6  # distance of the eye from a mesh whose longest side is 1


@dataclass(frozen=True)
class FieldConfig:
    """The network and what it learns."""

    target: str = "occupancy"
    """occupancy (a logit of being inside) or distance (signed, as in DeepSDF)."""
    width: int = 128
    """Of the hidden layers."""
    depth: int = 5
    """Hidden layers."""
    octaves: int = 4
    """Of the sines and cosines of each coordinate."""
    clamp: float = 0.1
    """Distances are learned up to this one."""

    def __post_init__(self) -> None:
        check_one_of("field.target", self.target, TARGETS)
        check_positive("field.clamp", self.clamp)


@dataclass(frozen=True)
class Config:
    """A mesh, its longest side 1, a network, and how it is trained."""

    data: DataConfig = MeshesData(batch_size=4096)
    places: int = 200_000
    """Places to learn from: half anywhere in the box, half near the surface."""
    near: float = 0.02
    """Standard deviation of the latter from the surface."""
    bound: float = 0.55
    """Half a side of the box."""
    test_places: int = 100_000
    """Fresh ones, anywhere in the box."""
    resolution: int = 96
    """Grid points to a side for the extracted surface."""
    largest_part: bool = False
    """Of the extracted surface keep the part of most faces; what floats beside it is counted."""
    field: FieldConfig = FieldConfig()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=40)
    seed: int = 0
    """Of the initial weights and the places."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    mesh = load_mesh(cfg)
    splits = place_splits(cfg, mesh)
    model = ImplicitField(cfg.field.width, cfg.field.depth, cfg.field.octaves)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        output, extra = apply_train(model, params, extra, batch["place"], key)
        loss = implicit_loss(output, dict(batch), target=cfg.field.target, clamp=cfg.field.clamp)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    evaluate = OccupancyEvaluator(cfg, model, mesh)
    return supervised(
        model,
        splits,
        as_it_is,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="place",
    )


def load_mesh(cfg: Config) -> Mesh:
    """The mesh at `data.path`, centered, its longest side 1."""
    assert isinstance(cfg.data, MeshesData), "Config.data is of meshes"
    return normalize(read_mesh(own_path(cfg.data))[0])


def place_splits(cfg: Config, mesh: Mesh) -> dict[str, Split]:
    """Places `(3,)` with `inside` and, where it is learned, `distance`; the test ones uniform."""
    draw = np.random.default_rng(cfg.seed)
    anywhere = draw.uniform(-cfg.bound, cfg.bound, (cfg.places - cfg.places // 2, 3))
    near, _ = sample_surface(mesh, draw.random((cfg.places // 2, 3)))
    near = near + cfg.near * draw.normal(size=near.shape)
    fresh = draw.uniform(-cfg.bound, cfg.bound, (cfg.test_places, 3))
    rows = {"train": np.concatenate([anywhere, near]), "test": fresh}
    opened = Dataset({name: ArraySource(truth(cfg, mesh, places)) for name, places in rows.items()})
    assigned = assign_splits(opened, cfg.data)
    return {role: place_split(opened, part, cfg.data) for role, part in assigned.items()}


def truth(cfg: Config, mesh: Mesh, places: Host) -> dict[str, Host]:
    """What is known of the places of the mesh."""
    arrays = {"place": places.astype(np.float32)}
    if cfg.field.target == "distance":
        distance = signed_distance(mesh, places)
        return {**arrays, "distance": distance.astype(np.float32), "inside": distance < 0}
    return {**arrays, "inside": contains(mesh, places)}


class OccupancyEvaluator(Evaluator):
    """IoU over the places of a split; the extracted surface, its scores, and its pictures."""

    def __init__(self, cfg: Config, model: ImplicitField, mesh: Mesh):
        self.cfg, self.model, self.mesh = cfg, model, mesh
        self.rows_of = RowEvaluator(self._row, as_it_is, batch_size=4096)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        output: Any = self.model.apply(variables, batch["place"], train=False)
        inside = below_zero_inside(output, self.cfg.field.target) < 0
        return {"inside": inside, "truth": batch["inside"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Whether places are inside, and the extracted surface as `vertices` and `faces`."""
        surface, dropped = self.surface(state)
        rows = {**self.rows_of(state, split), "dropped": np.array(dropped)}
        return {**rows, "vertices": surface.vertices, "faces": surface.faces}

    def surface(self, state: TrainState) -> tuple[Mesh, int]:
        """The surface of the network's field, and how many parts of it were left out."""
        field = field_of(self.model, state.variables, self.cfg.field.target)
        surface = extract(field, self.cfg.resolution, bound=self.cfg.bound)
        parts = split_parts(surface) if self.cfg.largest_part else []
        return (parts[0], len(parts) - 1) if parts else (surface, 0)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """IoU, Euler number and open edges, and F1 and chamfer distance of surface points."""
        surface = Mesh(rows["vertices"], rows["faces"])
        numbers = {
            "iou": float(voxel_iou(rows["inside"][None], rows["truth"][None])[0]),
            "euler_number": float(euler_number(surface)),
            "open_edges": float(openings(surface).open),
            "dropped_parts": float(rows["dropped"]),
        }
        if not len(surface.faces):
            return {**numbers, "f1": 0.0}
        draw = np.random.default_rng(0)
        a, b = (sample_surface(m, draw.random((POINTS, 3)))[0] for m in (surface, self.mesh))
        pairs = nearest_pairs(a, b)
        return {**numbers, "f1": f1_score(pairs, 0.02), "chamfer": chamfer_distance(pairs)}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`turntable.gif`, the surface beside the true one; `surface.obj` and `surface.ply`."""
        surface, _ = self.surface(state)
        return [
            turntable([surface, self.mesh], folder / "turntable.gif", distance=FRAME),
            write_mesh(surface, folder / "surface.obj"),
            write_mesh(surface, folder / "surface.ply"),
        ]


if __name__ == "__main__":
    main(__file__)
