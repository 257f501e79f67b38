"""Two classes by one number, the logit of the second one's chance."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.config import CsvData, DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import binary_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.optim.config import SGD, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree


@dataclass(frozen=True)
class BinaryConfig:
    """A network with one output on a table or pictures of two classes."""

    data: DataConfig = CsvData()
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="mlp")
    optim: OptimConfig = SGD()
    loop: LoopConfig = LoopConfig(epochs=100)
    seed: int = 0
    """Of the initial weights and dropout."""


def binary_task(cfg: BinaryConfig) -> Task:
    """The task of `cfg`. Raises DataError where there are not two classes."""
    splits = load_splits(cfg.data)
    classes = splits["train"].classes
    if len(classes) != 2:
        raise DataError(f"binary: data {cfg.data.name!r} must have two classes, got {len(classes)}")
    model, prepare = build_model(cfg.model, num_classes=1), prepare_images(cfg.image)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        loss, right = judged(logits[:, 0], batch["label"])
        return global_mean(loss), (extra, {"loss": weighted(loss), "accuracy": weighted(right)})

    evaluate = partial(measure, make_rows(model, prepare))
    return supervised(model, splits, prepare, loss_fn, cfg.optim, loop=cfg.loop, evaluate=evaluate)


def judged(logits: Array, label: Array) -> tuple[Array, Array]:
    """Cross-entropy `(B,)` of the chance of class 1, and whether it is on the side of the label."""
    return binary_cross_entropy(logits, label.astype(logits.dtype)), (logits > 0) == (label == 1)


def make_rows(model: nn.Module, prepare: Prepare) -> RowEvaluator:
    """The logit, loss and rightness of every row."""

    def one(variables: Tree, batch: Batch) -> dict[str, Array]:
        logits = model.apply(variables, batch["image"], train=False)
        logit = jnp.asarray(logits)[:, 0]
        loss, right = judged(logit, batch["label"])
        return {"logit": logit, "loss": loss, "right": right, "label": batch["label"]}

    return RowEvaluator(one, prepare)


def measure(
    rows_of: RowEvaluator, state: TrainState, split: Split, folder: Path | None = None
) -> Numbers:
    """Loss, accuracy and what the larger class alone would give; chances.png in `folder`."""
    rows = rows_of(state, split)
    share = float(np.mean(rows["label"]))
    if folder is not None:
        draw_chances(rows, split.classes, split.name).save(folder / "chances.png")
    return {
        "loss": float(np.mean(rows["loss"])),
        "accuracy": float(np.mean(rows["right"])),
        "larger_class": max(share, 1 - share),
    }


def draw_chances(rows: dict[str, Host], classes: tuple[str, ...], name: str) -> Figure:
    """What chance of the second class the rows of either are given."""
    figure = Figure(size=(6, 3.5))
    (axis,) = figure.axes
    chance = np.asarray(jax.nn.sigmoid(rows["logit"]))
    for k, label in enumerate(classes):
        axis.hist(chance[rows["label"] == k], np.linspace(0, 1, 21), alpha=0.6, label=label)
    axis.axvline(0.5, color="gray", linestyle=":")
    axis.set(xlabel=f"chance of {classes[1]}", ylabel="rows", title=f"rows of the {name} split")
    axis.legend(title="class", fontsize=8)
    return figure
