"""Evaluation of a classifier: loss, accuracy, and its mistakes, drawn."""

from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_confusion, draw_grid
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.classification import confusion_matrix
from jaxdl.training.state import TrainState
from jaxdl.training.task import Evaluate
from jaxdl.typing import Batch, Host, Numbers, Prepare

WORST = 36


def make_classifier_evaluator(
    model: nn.Module, prepare: Prepare, *, flip_eval: bool = False
) -> Evaluate:
    """`evaluate(state, split, folder) -> {"loss", "accuracy", "top5_accuracy"}` over every row.

    `flip_eval` averages the logits of every image and its mirror image. Top-5 is there for more
    than ten classes. In `folder` it draws the confusion matrix and the mistakes that the model was
    surest of.
    """

    def row_fn(variables: Any, batch: Batch) -> dict[str, Any]:
        image = batch["image"]
        logits: Any = model.apply(variables, image, train=False)
        if flip_eval:
            logits = (logits + model.apply(variables, image[:, :, ::-1], train=False)) / 2
        label, probability = batch["label"], jax.nn.softmax(logits)
        own = jnp.take_along_axis(logits, label[:, None], axis=1)
        return {
            "loss": softmax_cross_entropy(logits, label),
            "prediction": jnp.argmax(logits, axis=1),
            "confidence": jnp.max(probability, axis=1),
            "rank": jnp.sum(logits > own, axis=1),
            "label": label,
        }

    rows_of = RowEvaluator(row_fn, prepare)

    def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        rows = rows_of(state, split)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if "image" in split.example:
                draw_mistakes(rows, split).save(folder / "mistakes.png")
            counts = confusion_matrix(
                rows["prediction"], rows["label"], num_classes=len(split.classes)
            )
            title = f"{split.name}: rows of each label by what they are taken for"
            figure = draw_confusion(np.asarray(counts), split.classes, title=title)
            figure.save(folder / "confusion.png")
        numbers = {
            "loss": float(rows["loss"].mean(dtype=np.float64)),
            "accuracy": float((rows["prediction"] == rows["label"]).mean()),
        }
        if len(split.classes) > 10:
            numbers["top5_accuracy"] = float((rows["rank"] < 5).mean())
        return numbers

    return evaluate


def draw_mistakes(rows: dict[str, Host], split: Split) -> Figure:
    """The wrong rows of the highest confidence, each with its prediction and its label."""
    wrong = np.flatnonzero(rows["prediction"] != rows["label"])
    worst = wrong[np.argsort(-rows["confidence"][wrong], kind="stable")][:WORST]
    names = split.classes
    titles = [
        f"{names[rows['prediction'][i]]} {rows['confidence'][i]:.0%}\nis {names[rows['label'][i]]}"
        for i in worst
    ]
    images = list(split.batch(worst)["image"]) if len(worst) else []
    return draw_grid(images, titles, title=f"{len(wrong)} of {split.size} wrong; the surest first")
