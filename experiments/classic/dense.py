"""Linear and dense classifiers of pixels or hand-made features: jaxdl run cifar10_svm, ..."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of
from jaxdl.classic.features.color_histogram import color_histogram
from jaxdl.classic.features.hog import hog
from jaxdl.classic.linear_classifier import LOSSES, PENALTIES
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.models.registry import ModelConfig, build_model, model_options
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.optim.optimizer import decayed
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Evaluate, Task, supervised
from jaxdl.typing import (
    Array,
    Batch,
    Host,
    Key,
    LossOutput,
    Numbers,
    Prepare,
    Regularizer,
    Tree,
)

__all__ = ["Config", "build", "predict"]

SHOWN = 64  # templates of hidden units in the picture


@dataclass(frozen=True)
class FeatureConfig:
    """What a classifier sees of an image."""

    name: str = "pixels"
    """pixels, or hog_color: oriented gradients beside the roots of a color histogram."""
    cell: int = 4
    """Of hog_color: pixels on a side of a cell."""
    block: int = 2
    """Of hog_color: cells on a side of a block that is normalized."""
    bins: int = 4
    """Of hog_color: boxes along each axis of the color cube."""
    grid: int = 2
    """Of hog_color: one color histogram for each of grid x grid tiles."""

    def __post_init__(self) -> None:
        check_one_of("features.name", self.name, ("pixels", "hog_color"))


@dataclass(frozen=True)
class Config:
    """A classifier, its features, loss and penalty."""

    data: DataConfig = DataConfig(name="digits")
    image: ImageConfig = ImageConfig()
    features: FeatureConfig = FeatureConfig()
    model: ModelConfig = model_options("mlp")(hidden=())  # pyright: ignore[reportCallIssue]
    loss: str = "softmax"
    """softmax, svm or squares (of scores minus one-hot labels)."""
    penalty: str = "l2"
    """l2: sum of squared weights, l1: of their sizes; biases are spared."""
    penalty_weight: Regularizer = 0.0
    """What multiplies the penalty."""
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""

    def __post_init__(self) -> None:
        check_one_of("loss", self.loss, LOSSES)
        check_one_of("penalty", self.penalty, PENALTIES)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    model = build_model(cfg.model, num_classes=len(splits["train"].classes))
    prepare = with_features(prepare_images(cfg.image), cfg.features)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        scores, extra = apply_train(model, params, extra, batch["image"], key)
        loss = LOSSES[cfg.loss](scores, batch["label"])
        penalty = (
            cfg.penalty_weight * total_penalty(params, cfg.penalty) if cfg.penalty_weight else 0.0
        )
        metrics = {"loss": weighted(loss), "accuracy": accuracy(scores, batch["label"])}
        return global_mean(loss) + penalty, (extra, metrics)

    evaluate = make_classifier_evaluator(model, prepare)
    shape = splits["train"].example["image"].shape if cfg.features.name == "pixels" else None
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=partial(evaluate_and_draw, evaluate, shape),
    )


def with_features(prepare: Prepare, cfg: FeatureConfig) -> Prepare:
    """`prepare`, whose images become features `(B, D)` unless pixels are asked for."""
    if cfg.name == "pixels":
        return prepare

    def prepare_features(keys: Key, batch: Batch, *, train: bool) -> Batch:
        batch = prepare(keys, batch, train=train)
        edges = hog(batch["image"], cell=cfg.cell, block=cfg.block)
        colors = color_histogram(batch["image"], bins=cfg.bins, grid=cfg.grid)
        # Roots: a histogram's rare colors count too. Both parts then have norms of order one.
        return {**batch, "image": jnp.concatenate([edges, jnp.sqrt(colors)], axis=1)}

    return prepare_features


def total_penalty(params: Tree, name: str) -> Array:
    """The penalty of all weights that decay acts on, `()`."""
    kept = jax.tree.map(lambda p, yes: PENALTIES[name](p) if yes else 0.0, params, decayed(params))
    return sum(jax.tree.leaves(kept), jnp.zeros((), jnp.float32))


def evaluate_and_draw(
    evaluate: Evaluate,
    shape: tuple[int, ...] | None,
    state: TrainState,
    split: Split,
    folder: Path | None = None,
) -> Numbers:
    """`evaluate`, and in `folder` the first layer's weights as images of the given shape."""
    numbers = evaluate(state, split, folder)
    if folder is not None and shape is not None:
        params = state.variables["params"]
        linear = "dense1" not in params
        kernel = np.asarray(params["head" if linear else "dense1"]["kernel"])
        names = split.classes if linear else ()
        draw_templates(kernel, shape, names).save(folder / "templates.png")
    return numbers


def draw_templates(kernel: Host, shape: tuple[int, ...], names: tuple[str, ...] = ()) -> Figure:
    """Columns of a kernel `(D, M)` as images, each stretched from its least to its largest."""
    columns = kernel.T[:SHOWN].reshape(-1, *shape)
    low = columns.min(axis=(1, 2, 3), keepdims=True)
    span = np.maximum(columns.max(axis=(1, 2, 3), keepdims=True) - low, 1e-12)
    return draw_grid(list((columns - low) / span), names, title="what each unit looks for")


if __name__ == "__main__":
    main(__file__)
