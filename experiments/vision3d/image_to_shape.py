"""Voxels or points from one picture: jaxdl run solids_image_voxels, _tubes or _points."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_at_least, check_one_of
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, save_image, tile_images
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.losses.point_sets import chamfer
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.shapes import voxel_iou
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree
from jaxdl.vision3d.fields.cubify import cubify
from jaxdl.vision3d.single_view.image_encoder import pixels_as_input
from jaxdl.vision3d.single_view.mesh_evaluator import MeshEvaluator
from jaxdl.vision3d.single_view.mesh_scores import SHARES
from jaxdl.vision3d.single_view.rendered_views import view_splits
from jaxdl.vision3d.single_view.shape_decoders import PointSet, VoxelBridge, VoxelTubes
from jaxdl.vision3d.surfaces.render import render

NETS = ("bridge", "tubes", "points")
SHOWN = 8


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    name: str = "bridge"
    """bridge (fully connected, to voxels), tubes (2-D convolutions, to voxels) or points."""
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    """Features of each level; each halves the picture."""
    hidden: int = 256
    """Width of the layer that sees the whole picture."""
    count: int = 512
    """points: how many."""

    def __post_init__(self) -> None:
        check_one_of("model.name", self.name, NETS)
        check_at_least("model.count", self.count, 1)


@dataclass(frozen=True)
class Config:
    """Pictures, a network, and how it is trained."""

    data: DataConfig = SolidsData(frame="view", points=512, resolution=16, batch_size=32)
    views: int = 4
    """Pictures of each of data.synthetic_rows solids to learn from."""
    model: NetConfig = NetConfig()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
    splits = view_splits(cfg.data, views=cfg.views)
    model = build_net(cfg.model, cfg.data.resolution)
    of_points = cfg.model.name == "points"

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["image"], key)
        if of_points:
            loss = chamfer(out, batch["points"], mean=True)
        else:
            cells = binary_cross_entropy(out, batch["voxels"].astype(out.dtype))
            loss = jnp.mean(cells, axis=(1, 2, 3))
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    evaluate: Evaluator
    if of_points:

        def predict(variables: Tree, image: Array) -> Array:
            points: Any = model.apply(variables, image, train=False)
            return points

        evaluate = PointEvaluator(
            predict, np.zeros((0, 3), np.int64), prepare, splits["train"], cfg.data.frame
        )
    else:
        evaluate = VoxelEvaluator(model, prepare, splits["train"])
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )


def build_net(cfg: NetConfig, resolution: int) -> nn.Module:
    """The network that `cfg` names."""
    if cfg.name == "points":
        return PointSet(cfg.count, cfg.encoder, cfg.hidden)
    net = VoxelBridge if cfg.name == "bridge" else VoxelTubes
    return net(resolution, cfg.encoder, cfg.hidden)


def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
    """`image` in [-1, 1]."""
    return {**batch, "image": pixels_as_input(batch["image"])}


class VoxelEvaluator(Evaluator):
    """IoU of voxels beside that of the mean shape: cells in the best share of training solids."""

    def __init__(self, model: nn.Module, prepare: Prepare, train: Split):
        self.model, self.train = model, train
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=32)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        logits: Any = self.model.apply(variables, batch["image"], train=False)
        return {"chance": jax.nn.sigmoid(logits), **{k: batch[k] for k in ("voxels", "known")}}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The chance of each cell to be inside, and the truth."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """`iou` and `mean_shape_iou` on other solids, `known_iou` on known ones by new eyes."""
        mean, known = self.mean(), rows["known"]
        iou = voxel_iou(rows["chance"] > 0.5, rows["voxels"])
        base = voxel_iou(np.broadcast_to(mean, rows["voxels"].shape), rows["voxels"])
        return {
            "iou": float(iou[~known].mean()),
            "mean_shape_iou": float(base[~known].mean()),
            "known_iou": float(iou[known].mean()),
        }

    def mean(self) -> Host:
        """The cells in so many of the training solids as is best for these: `(R, R, R)` bool."""
        voxels = self.train.read("voxels")
        share = voxels.mean(axis=0)
        shapes = [np.broadcast_to(share > least, voxels.shape) for least in SHARES]
        best = np.argmax([voxel_iou(shape, voxels).mean() for shape in shapes])
        return share > SHARES[best]

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`voxels.png`: pictures, predicted cubes and true ones, from the eye."""
        rows = self.rows(state, split)
        some = np.flatnonzero(~rows["known"])[:SHOWN]
        images = split.read("image", some)
        shown = [images]
        for grids in (rows["chance"][some], rows["voxels"][some]):
            meshes: list[Mesh] = [cubify(grid) for grid in grids]
            shown.append(np.stack([render(mesh, images.shape[1]) for mesh in meshes]))
        whole = tile_images(np.concatenate(shown), len(some))
        return [save_image(whole, folder / "voxels.png", scale=2)]


class PointEvaluator(MeshEvaluator):
    """F1 of predicted points beside points of the mean shape; `points.png`."""

    def cloud(self, rows: dict[str, Host], i: int) -> Host:
        """The predicted points of a row."""
        return rows["vertices"][i]

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> list[Path]:
        """Predicted points above, points of the truth below, from the eye."""
        some = np.flatnonzero(~rows["known"])[:SHOWN]
        figure = Figure(2, len(some), size=(1.6 * len(some), 3.4))
        for column, i in enumerate(some):
            for below, points in enumerate((self.cloud(rows, i), self.truth(rows, i)[:1000])):
                axis = figure.axes[below * len(some) + column]
                seen = points if self.frame == "view" else points @ rows["rotation"][i].T
                axis.scatter(seen[:, 0], -seen[:, 1], c=seen[:, 2], s=2)
                axis.set(aspect="equal", xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[])
        return [figure.save(folder / "points.png")]


if __name__ == "__main__":
    main(__file__)
