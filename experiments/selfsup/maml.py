"""A start from which a step or two tell twenty new characters apart: jaxdl run omniglot_maml."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_at_least, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, OmniglotSmallData
from jaxdl.data.load import load_splits
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.conv_embedding import ConvEmbedding
from jaxdl.selfsup.episodes import Pose, RunEvaluator, prepare_episodes
from jaxdl.selfsup.maml import adapt
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, LossOutput, Tree


@dataclass(frozen=True)
class InnerConfig:
    """How a task is learned from its support."""

    steps: int = 2
    """Updates, in training and in evaluation."""
    rate: float = 0.4
    """Of these updates."""
    first_order: bool = False
    """Take the inner gradients for constants: no second derivatives."""

    def __post_init__(self) -> None:
        check_at_least("inner.steps", self.steps, 1)
        check_positive("inner.rate", self.rate)


@dataclass(frozen=True)
class MovesConfig:
    """How drawings are moved in training."""

    strength: float = 0.15
    """Of the affine move of each drawing: what is added to its matrix, at most."""
    class_strength: float = 0.2
    """Of the move that all drawings of a class share, which makes it another class."""
    shift: float = 1.5
    """Pixels that a drawing is moved by, at most."""


@dataclass(frozen=True)
class Config:
    """Characters, a classifier that is quick to adapt, and how its start is trained."""

    data: DataConfig = OmniglotSmallData(batch_size=80)
    ways: int = 20
    """Classes of a task; a step has data.batch_size / ways tasks, over all devices."""
    queries: int = 1
    """Drawings of each class that are told apart after the inner updates, beside its support."""
    moves: MovesConfig = MovesConfig()
    pose: Pose = Pose()
    features: tuple[int, ...] = (32, 32, 32, 32)
    """Of the convolutional blocks, whose norms are layer norms: no batch."""
    inner: InnerConfig = InnerConfig()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(steps=500)
    seed: int = 0
    """Of the initial weights and the tasks."""

    def __post_init__(self) -> None:
        if self.ways < 2 or self.data.batch_size % self.ways:
            raise UsageError(
                f"data.batch_size must be a multiple of ways = {self.ways} (2 or more), got "
                f"{self.data.batch_size}"
            )


class QuickClassifier(nn.Module):
    """The embedding of few shots and a linear head that starts from 0: `(B, H, W, C)` -> logits."""

    ways: int
    features: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        z = ConvEmbedding(self.features, norm_layer("layer"), name="embedding")(x, train=train)
        return nn.Dense(self.ways, kernel_init=nn.initializers.zeros, name="head")(z)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits, ways, count = load_splits(cfg.data), cfg.ways, 1 + cfg.queries
    model = QuickClassifier(ways, cfg.features)
    label = jnp.arange(ways)
    prepare = prepare_episodes(count, cfg.pose, **dataclasses.asdict(cfg.moves))
    inner = dataclasses.asdict(cfg.inner)

    def task_loss(params: Tree, images: Array, labels: Array) -> Array:
        return jnp.mean(softmax_cross_entropy(call(params, images), labels))

    def call(params: Tree, images: Array) -> Any:
        return model.apply({"params": params}, images, train=True)

    def after_support(params: Tree, support: Array, query: Array) -> Array:
        """Logits of the queries `(N, ways)` once the support `(ways, H, W, C)` is learned."""
        return call(adapt(task_loss, params, support, label, **inner), query)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        image = batch["image"]
        if len(image) % (ways * count):
            raise UsageError(f"maml: a device's classes must be a multiple of ways = {ways}")
        image = image.reshape(-1, ways, count, *image.shape[1:])
        query = image[:, :, 1:].reshape(len(image), -1, *image.shape[3:])
        logits = jax.vmap(after_support, (None, 0, 0))(params, image[:, :, 0], query)
        logits = logits.reshape(-1, ways)
        labels = jnp.tile(jnp.repeat(label, cfg.queries), len(image))
        loss = softmax_cross_entropy(logits, labels)
        return global_mean(loss), (
            extra,
            {"loss": weighted(loss), "accuracy": accuracy(logits, labels)},
        )

    def guess(variables: Tree, support: Array, query: Array) -> Array:
        adapted = jax.vmap(after_support, (None, 0, 0))
        return jnp.argmax(adapted(variables["params"], support, query), axis=2)

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=RunEvaluator(guess, prepare),
    )


if __name__ == "__main__":
    main(__file__)
