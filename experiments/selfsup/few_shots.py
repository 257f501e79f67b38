"""A prototypical network tells new characters apart: jaxdl run omniglot_prototypical."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, OmniglotSmallData
from jaxdl.data.load import load_splits
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.few_shot import prototype_logits
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.ops.collectives import first_row, gather_rows
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.conv_embedding import ConvEmbedding
from jaxdl.selfsup.episodes import RunEvaluator, draw_episode, flat_rows
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import AXIS, Batch, Key, LossOutput, Tree


@dataclass(frozen=True)
class EpisodeConfig:
    """The episode of a step: `data.batch_size` classes, over all devices."""

    shots: int = 1
    """Drawings of each class that are its support."""
    queries: int = 4
    """Further drawings of each class, that are told apart."""
    strength: float = 0.15
    """Of the affine move of each drawing: what is added to its matrix, at most."""
    class_strength: float = 0.2
    """Of the move that all drawings of a class share, which makes it another class."""
    shift: float = 2.0
    """Pixels that a drawing is moved by, at most."""

    def __post_init__(self) -> None:
        if min(self.shots, self.queries) < 1:
            raise UsageError("episode: shots and queries must be at least 1")


@dataclass(frozen=True)
class Config:
    """Characters, an embedding, and how it is trained."""

    data: DataConfig = OmniglotSmallData(batch_size=60)
    episode: EpisodeConfig = EpisodeConfig()
    features: tuple[int, ...] = (64, 64, 64, 64)
    """Of the convolutional blocks, each of which halves the picture."""
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(steps=2000)
    seed: int = 0
    """Of the initial weights and the episodes."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    model, episode = ConvEmbedding(cfg.features), cfg.episode
    count = episode.shots + episode.queries

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if "drawings" not in batch:
            image = to_float(jnp.concatenate([batch["support"], batch["query"]], axis=1))
            return {"image": flat_rows(image), "answer": batch["answer"]}
        image = to_float(batch["drawings"])
        if train:
            moves = (episode.strength, episode.class_strength, episode.shift)
            names = ("strength", "class_strength", "shift")
            image = draw_episode(keys, image, count, **dict(zip(names, moves, strict=True)))
        return {"image": flat_rows(image[:, :count])}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        z, extra = apply_train(model, params, extra, batch["image"], key)
        z = z.reshape(-1, count, z.shape[1])
        support, queries = z[:, : episode.shots], z[:, episode.shots :]
        logits = prototype_logits(queries.reshape(-1, z.shape[2]), gather_rows(support, AXIS))
        label = jnp.repeat(first_row(z, AXIS) + jnp.arange(len(z)), episode.queries)
        loss = softmax_cross_entropy(logits, label)
        metrics = {"loss": weighted(loss), "accuracy": accuracy(logits, label)}
        return global_mean(loss), (extra, metrics)

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=RunEvaluator(model, prepare),
    )


if __name__ == "__main__":
    main(__file__)
