"""Meshes of all solids of a picture by Mesh R-CNN: jaxdl run solids_mesh_rcnn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_at_least, check_fraction, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.meshes.mesh_files import write_mesh
from jaxdl.data.splits.split import Split
from jaxdl.detection.dense.centernet import CenterMaps, centernet_candidates, centernet_losses
from jaxdl.draw import save_image, tile_images
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.voc_ap import overlaps
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Regularizer, Tree
from jaxdl.vision3d.single_view.image_encoder import pixels_as_input
from jaxdl.vision3d.single_view.lattice import lattice_mesh
from jaxdl.vision3d.single_view.mesh_rcnn import MeshRCNN, shape_losses
from jaxdl.vision3d.single_view.mesh_scores import (
    NEAR,
    Truth,
    f1_of,
    mean_shape,
    spread_points,
    true_points,
)
from jaxdl.vision3d.single_view.rendered_views import solid_mesh
from jaxdl.vision3d.single_view.scenes import OBJECTS, Window, scene_splits
from jaxdl.vision3d.surfaces.render import DISTANCE, render, turntable

PEAKS = 2 * OBJECTS  # boxes that are looked at
SHOWN = 6  # pictures
FILES = 3  # predictions as files and in the turntable
CHOSEN = 150  # training pictures that the mean shape is of
TO_EYE = np.array([0, 0, -DISTANCE])  # the renderer's eye is before the origin


@dataclass(frozen=True)
class NetConfig:
    """The network; its grid is data.resolution."""

    encoder: tuple[int, ...] = (16, 32, 64, 96)
    """Features of each level; each halves the picture."""
    features: int = 48
    """Of the map that boxes and regions are read from."""
    hidden: int = 32
    """Of the graph convolutions."""
    refinements: int = 2
    """How often a cubified mesh is moved."""
    threshold: float = 0.4
    """Cells above this probability become cubes."""

    def __post_init__(self) -> None:
        check_at_least("model.encoder: levels", len(self.encoder), 3)
        check_at_least("model.refinements", self.refinements, 1)
        check_fraction("model.threshold", self.threshold)


@dataclass(frozen=True)
class Config:
    """Scenes of two solids, a network, and how it is trained."""

    data: DataConfig = SolidsData(points=512, resolution=12, batch_size=8)
    samples: int = 400
    """Points on each surface, predicted and true, that a step compares."""
    box_weight: Regularizer = 0.5
    """Of the detector's losses."""
    voxel_weight: Regularizer = 1.0
    """Of the cells' cross-entropy."""
    chamfer_weight: Regularizer = 1.0
    """Of each refinement's chamfer distance."""
    normal_weight: Regularizer = 0.02
    """Of each refinement's normals."""
    edge_weight: Regularizer = 0.2
    """Of each refinement's squared edges."""
    least_score: float = 0.3
    """Of a box that counts as found."""
    model: NetConfig = NetConfig()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine", clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights and the points."""

    def __post_init__(self) -> None:
        check_positive("samples", self.samples)
        check_fraction("least_score", self.least_score)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
    splits = scene_splits(cfg.data)
    model = MeshRCNN(resolution=cfg.data.resolution, **vars(cfg.model))
    weights = cfg.chamfer_weight, cfg.normal_weight, cfg.edge_weight

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        (maps, shapes), extra = apply_train(model, params, extra, batch["view"], key)
        boxes = centernet_losses(CenterMaps(*maps), batch)
        parts = shape_losses(shapes, batch, key, samples=cfg.samples, weights=weights)
        metrics = {name: weighted(value) for name, value in parts.items()}
        detector = jnp.sum(jnp.stack(list(boxes.values())), axis=0)
        voxels = parts.pop("voxels")
        own = cfg.voxel_weight * voxels + jnp.sum(jnp.stack(list(parts.values())), axis=0)
        loss = cfg.box_weight * detector + own.reshape(len(detector), -1).mean(axis=1)
        return global_mean(loss), (extra, metrics | {"loss": weighted(loss)})

    evaluate = SceneEvaluator(cfg, model, prepare, splits["train"])
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="view",
    )


def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
    """`view`, what the network is called with: the picture in [-1, 1] and its true boxes."""
    image = pixels_as_input(batch["image"])
    return {**batch, "image": image, "view": {"image": image, "boxes": batch["boxes"]}}


class SceneEvaluator(Evaluator):
    """F1 of meshes in found boxes, at .02 and .04 of the longest side; pictures of them.

    A solid without a box of IoU .5 has F1 0, and so has the mean shape there, which stands in the
    same boxes.
    """

    def __init__(self, cfg: Config, model: MeshRCNN, prepare: Prepare, train: Split):
        assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
        self.cfg, self.model, self.train = cfg, model, train
        self.size = cfg.data.size(96)[0]
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=8)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        def ask(*args: Any, method: str, **options: Any) -> Any:
            return self.model.apply(variables, *args, method=method, **options)

        features = ask(batch["image"], method="look", train=False)
        maps = CenterMaps(*ask(features, method="detect"))
        size = self.size, self.size
        boxes, scores, _ = centernet_candidates(maps, size, count=PEAKS)
        shapes = ask(features, boxes, method="shapes")
        lead = boxes.shape[:2]
        names = ("boxes", "label", "solid", "rotation", "center", "depth", "longest")
        return {
            **{name: batch[name] for name in names},
            "found": boxes,
            "score": scores,
            "vertices": shapes.vertices[-1].reshape(*lead, -1, 3),
            "faces": shapes.surface.faces.reshape(*lead, -1),
        }

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Boxes and their meshes, in the boxes' coordinates, and the truth."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """`f1` and `f1_wide`, those of the mean shape, and how many solids and other boxes."""
        mean, scores, found, other = spread_points(self.mean()), [], 0, 0
        for i in range(len(rows["label"])):
            pairs = self.matches(rows, i)
            found += sum(peak is not None for peak in pairs)
            sure = rows["score"][i] >= self.cfg.least_score
            other += int(sure.sum()) - sum(peak is not None for peak in pairs)
            for thing, peak in enumerate(pairs):
                of_both = np.zeros((2, 2))
                if peak is not None:
                    window = self.window(rows, i, thing, peak)
                    mesh = self.mesh(rows, i, peak)
                    clouds = [spread_points(mesh) if len(mesh.faces) else None, mean]
                    truth, longest = self.truth(rows, i, thing), rows["longest"][i, thing]
                    for which, cloud in enumerate(clouds):
                        if cloud is not None:
                            of_both[which] = f1_of(window.leave(cloud), truth, longest)
                scores.append(of_both)
        names = ("f1", "f1_wide", "mean_shape_f1", "mean_shape_f1_wide")
        assert len(NEAR) == 2, "both thresholds have a name"
        numbers = dict(zip(names, np.mean(scores, axis=0).ravel().tolist(), strict=True))
        return {**numbers, "found": found / len(scores), "other_boxes": other / len(rows["label"])}

    def matches(self, rows: dict[str, Host], i: int) -> list[int | None]:
        """The box of each solid of a picture: the likeliest one of IoU .5, each once."""
        overlap = overlaps(rows["boxes"][i], rows["found"][i])
        free = rows["score"][i] >= self.cfg.least_score
        pairs: list[int | None] = []
        for thing in range(len(overlap)):
            fits = np.flatnonzero(free & (overlap[thing] >= 0.5))
            pairs.append(int(fits[0]) if len(fits) else None)  # scores fall
            free[fits[:1]] = False
        return pairs

    def window(self, rows: dict[str, Host], i: int, thing: int, peak: int) -> Window:
        """The found box, at the true depth of the solid's center."""
        return Window(rows["found"][i, peak], float(rows["depth"][i, thing]), self.size)

    def mesh(self, rows: dict[str, Host], i: int, peak: int) -> Mesh:
        """The mesh in a found box, in its coordinates."""
        return lattice_mesh(rows["vertices"][i, peak], rows["faces"][i, peak])

    def truth(self, rows: dict[str, Host], i: int, thing: int) -> Host:
        """Points of a solid's surface in the eye's frame."""
        label, measures = rows["label"][i, thing], rows["solid"][i, thing]
        return (
            true_points(label, measures, rows["rotation"][i, thing], 1) + rows["center"][i, thing]
        )

    def mean(self) -> Mesh:
        """The mean shape of training solids in their own boxes."""
        some = np.random.default_rng(0).permutation(self.train.size)[:CHOSEN]
        names = ("voxels", "label", "solid", "rotation", "center", "depth", "longest", "boxes")
        rows = {name: self.train.read(name, some) for name in names}
        pairs = [(i, thing) for i in range(len(some)) for thing in range(OBJECTS)]
        truths = (
            Truth(
                self.truth(rows, i, thing),
                rows["longest"][i, thing],
                Window(rows["boxes"][i, thing], float(rows["depth"][i, thing]), self.size).leave,
            )
            for i, thing in pairs
        )
        return mean_shape(rows["voxels"].reshape(-1, *rows["voxels"].shape[2:]), truths)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """See `draw_rows`."""
        return self.draw_rows(state, split, self.rows(state, split), folder)

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> list[Path]:
        """`scenes.png`: pictures, found meshes, true ones; `turntable.gif`; meshes as files."""
        count = min(SHOWN, len(rows["label"]))
        shown, meshes = [], []
        for i in range(count):
            pairs = [(thing, peak) for thing, peak in enumerate(self.matches(rows, i))]
            found = [self.placed(rows, i, t, p) for t, p in pairs if p is not None]
            true = [self.true_mesh(rows, i, t) for t, _ in pairs]
            shown.append([render(together(of), self.size) for of in (found, true)])
            for mesh, solid in zip(found, true, strict=False) if len(found) == len(true) else ():
                middle = rows["center"][i, len(meshes) % OBJECTS]
                meshes.append([Mesh(m.vertices - middle, m.faces) for m in (mesh, solid)])
        columns = [split.read("image", np.arange(count)), *np.swapaxes(np.array(shown), 0, 1)]
        files = [
            save_image(tile_images(np.concatenate(columns), count), folder / "scenes.png", scale=2)
        ]
        up = np.diag([1.0, -1.0, -1.0])
        standing = [Mesh(m.vertices @ up, m.faces) for pair in meshes[:FILES] for m in pair]
        if standing:
            files.append(turntable(standing, folder / "turntable.gif"))
        for i, (mesh, _) in enumerate(meshes[:FILES]):
            files += [write_mesh(mesh, folder / f"mesh{i}.{kind}") for kind in ("obj", "ply")]
        return files

    def placed(self, rows: dict[str, Host], i: int, thing: int, peak: int) -> Mesh:
        """A found mesh in the eye's frame."""
        mesh = self.mesh(rows, i, peak)
        return Mesh(self.window(rows, i, thing, peak).leave(mesh.vertices), mesh.faces)

    def true_mesh(self, rows: dict[str, Host], i: int, thing: int) -> Mesh:
        """A solid in the eye's frame."""
        own = solid_mesh(rows["label"][i, thing], rows["solid"][i, thing])
        turn, center = rows["rotation"][i, thing], rows["center"][i, thing]
        return Mesh(own.vertices @ turn.T + center, own.faces)


def together(meshes: list[Mesh]) -> Mesh:
    """Meshes of the eye's frame as one, for the renderer."""
    vertices, faces, total = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], 0
    for mesh in meshes:
        vertices.append(mesh.vertices + TO_EYE)
        faces.append(mesh.faces + total)
        total += len(mesh.vertices)
    return Mesh(np.concatenate(vertices), np.concatenate(faces))


if __name__ == "__main__":
    main(__file__)
