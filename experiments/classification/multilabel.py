"""Which kinds of objects are in a picture: jaxdl run own_coco, own_voc, shapes_multilabel, ..."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.predict import predict_labels as predict
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import multi_label_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree

__all__ = ["Config", "build", "predict"]

FIELDS = ("image", "labels", "kept")


@dataclass(frozen=True)
class Config:
    """A classifier of every class by itself, on pictures with boxes."""

    data: DataConfig = ShapesData(synthetic_rows=2000, image_size=(32,))
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="lenet")
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=FIELDS)
    classes = splits["train"].classes
    model = build_model(cfg.model, num_classes=len(classes))
    prepare = with_targets(prepare_images(cfg.image), len(classes))

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        loss = multi_label_cross_entropy(logits, batch["target"])
        right = jnp.mean((logits > 0) == batch["target"], axis=1)
        return global_mean(loss), (extra, {"loss": weighted(loss), "accuracy": weighted(right)})

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=partial(evaluate, RowEvaluator(partial(scores_of, model), prepare)),
    )


def with_targets(prepare: Prepare, classes: int) -> Prepare:
    """`prepare`, and `target` `(B, K)` bool: whether a kept object is of the class."""

    def prepare_targets(keys: Key, batch: Batch, *, train: bool) -> Batch:
        batch = prepare(keys, batch, train=train)
        own = batch["labels"][..., None] == jnp.arange(classes)[None, None, :]
        return {**batch, "target": jnp.any(own & batch["kept"][..., None], axis=1)}

    return prepare_targets


def scores_of(model: nn.Module, variables: Any, batch: Batch) -> dict[str, Array]:
    """Loss, scores and targets of each row."""
    logits: Any = model.apply(variables, batch["image"], train=False)
    target = batch["target"]
    loss = multi_label_cross_entropy(logits, target)
    return {"loss": loss, "score": jax.nn.sigmoid(logits), "target": target}


def evaluate(
    rows_of: RowEvaluator, state: TrainState, split: Split, folder: Path | None = None
) -> Numbers:
    """Loss, accuracy over all (picture, class) pairs, and the mean of the classes' average
    precision (area under precision over recall), of the classes that occur."""
    rows = rows_of(state, split)
    score, target = rows["score"], rows["target"]
    precision = average_precisions(score, target)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        draw_precisions(precision, split.classes).save(folder / "average_precision.png")
    return {
        "loss": float(rows["loss"].mean(dtype=np.float64)),
        "accuracy": float(((score > 0.5) == target).mean()),
        "mean_average_precision": float(np.nanmean(precision)),
    }


def average_precisions(score: Host, target: Host) -> Host:
    """Of each class, `(N, K)` -> `(K,)`; NaN where no row has it."""
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(target[:, k], score[:, k]) if target[:, k].any() else np.nan
            for k in range(target.shape[1])
        ]
    )


def draw_precisions(precision: Host, classes: tuple[str, ...]) -> Figure:
    """A bar for each class that occurs, the best first."""
    order = np.argsort(-np.nan_to_num(precision, nan=-1))[: np.isfinite(precision).sum()]
    figure = Figure(size=(5, 0.2 * len(order) + 1))
    (axis,) = figure.axes
    axis.barh([classes[i] for i in order][::-1], precision[order][::-1])
    axis.set(xlim=(0, 1), xlabel="average precision")
    return figure


if __name__ == "__main__":
    main(__file__)
