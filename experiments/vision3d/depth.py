"""Depth and normals of solids from one picture: jaxdl run solids_depth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_fraction
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.depth import angle_loss, scale_invariant_log_error
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.shapes import mean_angle, relative_depth_error
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Regularizer, Tree
from jaxdl.vision3d.depth_net import DepthNet

SHOWN = 6
FIELDS = ("image", "depth", "depth_normals", "label")


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    widths: tuple[int, ...] = (16, 32, 64, 96)
    """Of each resolution, the picture's own first, each further one half of it."""


@dataclass(frozen=True)
class Config:
    """Pictures of solids, a network, and how it is trained."""

    data: DataConfig = SolidsData(image_size=(48,), batch_size=32)
    model: NetConfig = NetConfig()
    scale_share: float = 0.5
    """How far the loss of depths forgives a common factor: 0 not at all, 1 wholly."""
    normal_weight: Regularizer = 1.0
    """Of the loss of normals."""
    flip: bool = True
    """Training: turn half of the pictures into their mirror images."""
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights and the mirror images."""

    def __post_init__(self) -> None:
        check_fraction("scale_share", self.scale_share)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=FIELDS)
    model = DepthNet(cfg.model.widths)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if train and cfg.flip:
            batch = jax.vmap(maybe_mirrored)(keys, batch)
        return {**batch, "image": 2 * to_float(batch["image"]) - 1}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        scene, extra = apply_train(model, params, extra, batch["image"], key)
        depth = scale_invariant_log_error(
            scene.log_depth, batch["depth"], scale_share=cfg.scale_share
        )
        angle = angle_loss(scene.normals, batch["depth_normals"])
        loss = depth + cfg.normal_weight * angle
        parts = {"loss": loss, "depth_loss": depth, "angle_loss": angle}
        return global_mean(loss), (extra, {name: weighted(part) for name, part in parts.items()})

    evaluate = DepthEvaluator(model, prepare)
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


def maybe_mirrored(key: Key, row: Batch) -> Batch:
    """One row, left and right changed in half of the cases; normals turn with the picture."""
    turned = {**row, **{name: row[name][:, ::-1] for name in FIELDS[:3]}}
    turned["depth_normals"] = turned["depth_normals"] * jnp.array([[[-1.0, 1, 1]]])
    flip = jax.random.bernoulli(key)
    return {name: jnp.where(flip, turned[name], value) for name, value in row.items()}


class DepthEvaluator(Evaluator):
    """Errors of depths and normals over the pixels of the solids."""

    def __init__(self, model: DepthNet, prepare: Prepare):
        self.model = model
        self.rows_of = RowEvaluator(self._row, prepare)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        scene: Any = self.model.apply(variables, batch["image"], train=False)
        found = {"found_depth": jnp.exp(scene.log_depth), "found_normals": scene.normals}
        return {**found, **{name: batch[name] for name in ("depth", "depth_normals")}}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The depths and normals that the model finds, and the true ones."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Means over pictures; `constant_relative_error` is that of one depth for all pixels."""
        truth = rows["depth"]
        constant = np.full_like(truth, np.median(truth[truth > 0]))
        return {
            "relative_error": float(np.nanmean(relative_depth_error(rows["found_depth"], truth))),
            "constant_relative_error": float(np.nanmean(relative_depth_error(constant, truth))),
            "angle": float(np.nanmean(mean_angle(rows["found_normals"], rows["depth_normals"]))),
        }

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> None:
        """`depth.png`: pictures, then depths and normals as found and as they are."""
        shown = np.arange(min(SHOWN, split.size))
        draw_scenes(split.batch(shown)["image"], rows).save(folder / "depth.png")

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`depth.png`, see `draw_rows`."""
        self.draw_rows(state, split, self.rows(state, split), folder)
        return [folder / "depth.png"]


def draw_scenes(images: Host, rows: dict[str, Host]) -> Figure:
    """A row a picture: it, its depth found and true, its normals found and true, on the solid."""
    cells = []
    for i, image in enumerate(images):
        there = (rows["depth"][i] > 0)[..., None]
        near, far = np.quantile(rows["depth"][i][there[..., 0]], [0, 1])
        for name in ("found_depth", "depth"):
            shade = 1 - 0.8 * (rows[name][i] - near) / max(far - near, 1e-6)
            cells.append(np.where(there, np.clip(shade, 0, 1)[..., None], 0.0))
        colors = [
            (1 + rows[name][i] * [1, -1, -1]) / 2 for name in ("found_normals", "depth_normals")
        ]
        cells += [np.where(there, color, 0.0) for color in colors]
        cells.insert(len(cells) - 4, image)
    titles = ("picture", "depth found", "depth", "normals found", "normals")
    return draw_grid(cells, titles, columns=5)


if __name__ == "__main__":
    main(__file__)
