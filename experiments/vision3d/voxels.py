"""A 3-D convolutional classifier of voxel grids: jaxdl run solids_voxels."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.classification.task import classification_loss
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.load import load_splits
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key
from jaxdl.vision3d.voxel_net import VoxelNet, voxels_as_input


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    features: tuple[int, ...] = (16, 32, 64)
    """Of each convolution; each halves the grid."""
    hidden: int = 128
    """Width of the layer before the logits."""
    dropout: float = 0.3
    """Chance that one of its values drops."""


@dataclass(frozen=True)
class Config:
    """Grids, a network, and how it is trained."""

    data: DataConfig = SolidsData(resolution=16)
    model: NetConfig = NetConfig()
    turn: bool = True
    """Training: turn upright solids by a random number of quarters around z."""
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the turns and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("voxels", "label"))
    model = VoxelNet(len(splits["train"].classes), **vars(cfg.model))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        voxels = batch["voxels"]
        if train and cfg.turn:
            voxels = jax.vmap(quarter_turns)(keys, voxels)
        return {**batch, "image": voxels_as_input(voxels)}

    return supervised(
        model,
        splits,
        prepare,
        classification_loss(model, label_smoothing=0.0, aux_weight=0.0),
        cfg.optim,
        loop=cfg.loop,
        evaluate=make_classifier_evaluator(model, prepare),
    )


def quarter_turns(key: Key, voxels: Array) -> Array:
    """The grid `(R, R, R)` turned around z by 0 to 3 quarters."""
    turned = [jnp.rot90(voxels, k) for k in range(4)]
    return jnp.stack(turned)[jax.random.randint(key, (), 0, 4)]


if __name__ == "__main__":
    main(__file__)
