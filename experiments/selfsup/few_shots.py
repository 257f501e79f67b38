"""A network tells new characters apart by one drawing of each: jaxdl run omniglot_prototypical,
omniglot_matching, omniglot_triplet, omniglot_contrastive."""

from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError, check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, OmniglotSmallData
from jaxdl.data.load import load_splits
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.ops.collectives import first_row, gather_rows
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.conv_embedding import ConvEmbedding
from jaxdl.selfsup.episode_losses import METHODS, episode_loss, score_by
from jaxdl.selfsup.episodes import Pose, RunEvaluator, by_embedding, prepare_episodes
from jaxdl.training.plan import LoopConfig
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
    pose: Pose = Pose()
    features: tuple[int, ...] = (64, 64, 64, 64)
    """Of the convolutional blocks, each of which halves the picture."""
    method: str = "prototypical"
    """prototypical, matching, triplet or contrastive (the last two are Siamese networks)."""
    temperature: float = 0.1
    """Of matching: what cosines are divided by."""
    margin: float = 0.5
    """Of triplet and contrastive: how far apart wrong pairs are to be, of unit vectors."""
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(steps=2000)
    seed: int = 0
    """Of the initial weights and the episodes."""

    def __post_init__(self) -> None:
        check_one_of("method", self.method, METHODS)
        check_positive("temperature", self.temperature)
        check_positive("margin", self.margin)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    model, episode = ConvEmbedding(cfg.features, norm_layer("batch_sync")), cfg.episode
    count = episode.shots + episode.queries
    scores = score_by(cfg.method, temperature=cfg.temperature)
    moves = {n: getattr(episode, n) for n in ("strength", "class_strength", "shift")}
    prepare = prepare_episodes(count, cfg.pose, **moves)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        z, extra = apply_train(model, params, extra, batch["image"], key)
        z = z.reshape(-1, count, z.shape[1])
        support, queries = z[:, : episode.shots], z[:, episode.shots :]
        queries, support = queries.reshape(-1, z.shape[2]), gather_rows(support, AXIS)
        label = jnp.repeat(first_row(z, AXIS) + jnp.arange(len(z)), episode.queries)
        loss = episode_loss(
            cfg.method,
            queries,
            support,
            label,
            temperature=cfg.temperature,
            margin=cfg.margin,
        )
        logits = scores(queries, support)
        metrics = {"loss": weighted(loss), "accuracy": accuracy(logits, label)}
        return global_mean(loss), (extra, metrics)

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=RunEvaluator(by_embedding(model, scores), prepare),
    )


if __name__ == "__main__":
    main(__file__)
