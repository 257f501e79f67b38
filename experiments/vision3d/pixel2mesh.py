"""A mesh from one picture by deforming a sphere: jaxdl run solids_pixel2mesh."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxdl.checks import check_at_least, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, LossOutput, Regularizer, Tree
from jaxdl.vision3d.single_view.image_encoder import pixels_as_input
from jaxdl.vision3d.single_view.mesh_evaluator import MeshEvaluator
from jaxdl.vision3d.single_view.pixel2mesh import LEVELS, Pixel2Mesh, Weights, mesh_loss
from jaxdl.vision3d.single_view.rendered_views import eye_turns, view_splits


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    encoder: tuple[int, ...] = (16, 32, 64, 96)
    """Features of each level; each halves the picture."""
    aligned: int = 32
    """Features that a vertex gets of the picture."""
    hidden: tuple[int, ...] = (64, 48, 32)
    """Of the graph convolutions of the three deformations."""
    blocks: tuple[int, ...] = (2, 2, 1)
    """Residual blocks of each."""

    def __post_init__(self) -> None:
        check_at_least("model.encoder: levels", len(self.encoder), 3)


@dataclass(frozen=True)
class Config:
    """Pictures, a network, and how it is trained."""

    data: DataConfig = SolidsData(frame="view", points=1024, resolution=24, batch_size=12)
    views: int = 4
    """Pictures of each of data.synthetic_rows solids to learn from."""
    samples: int = 768
    """Points on the surface, predicted and true, that a step compares."""
    normal_weight: Regularizer = 0.005
    """Of the normals' term."""
    edge_weight: Regularizer = 0.1
    """Of the squared lengths of edges."""
    laplacian_weight: Regularizer = 0.3
    """Of the term by which neighbors move together."""
    model: NetConfig = NetConfig()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine", clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights and the points."""

    def __post_init__(self) -> None:
        check_positive("samples", self.samples)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
    splits = view_splits(cfg.data, views=cfg.views)
    # In their own frame the turn of solids is not known: the vertices look where they would be seen
    # from the front.
    turn = np.eye(3) if cfg.data.frame == "view" else eye_turns(np.array([[0.0, 0.5]]))[0]
    view = tuple(map(tuple, turn.tolist()))
    model = Pixel2Mesh(view, **vars(cfg.model))
    weights = Weights(cfg.normal_weight, cfg.edge_weight, cfg.laplacian_weight)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": pixels_as_input(batch["image"])}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        stages, extra = apply_train(model, params, extra, batch["image"], key)
        points, normals = (batch[name][:, : cfg.samples] for name in ("points", "normals"))
        loss = mesh_loss(stages, points, normals, key, weights=weights, samples=cfg.samples)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    def last(variables: Tree, image: Array) -> Array:
        stages: Any = model.apply(variables, image, train=False)
        return stages[-1].after

    evaluate = MeshEvaluator(last, LEVELS[-1].faces, prepare, splits["train"], cfg.data.frame)
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


if __name__ == "__main__":
    main(__file__)
