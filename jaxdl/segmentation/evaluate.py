"""Evaluation of classes of pixels: intersection over union, and pictures of what was found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.draw import (
    Figure,
    class_legend,
    draw_bars,
    draw_confusion,
    draw_grid,
    paint_classes,
)
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.segmentation import VOID, count_pixels, segment_scores
from jaxdl.segmentation.look import LookConfig, class_shares
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Numbers, Prepare, Tree

SHOWN = 6  # pictures


class SegmentEvaluator(Evaluator):
    """`(state, split, folder) -> numbers`, over every pixel of the split that is not void.

    `mean_iou`, `pixel_accuracy`, `class_accuracy`, `loss` (a mean over pixels), and `iou_<class>`.
    In `folder`: pictures beside truth and what was found, IoU of each class, confusion.
    """

    def __init__(self, model: nn.Module, prepare: Prepare, look: LookConfig):
        self.model, self.look = model, look
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=16)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        def apply(images: Array) -> Any:
            return self.model.apply(variables, images, train=False)

        shares = class_shares(apply, batch["image"], self.look)
        segments = batch["segments"].astype(jnp.int32)
        counted = segments != VOID
        at = jnp.where(counted, segments, 0)[..., None]
        own = jnp.take_along_axis(shares, at, axis=-1)[..., 0]
        surprise = jnp.where(counted, -jnp.log(jnp.maximum(own, 1e-12)), 0)
        return {
            "found": jnp.argmax(shares, axis=-1).astype(jnp.uint8),
            "segments": batch["segments"],
            "surprise": jnp.sum(surprise, axis=(1, 2)),
        }

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The classes found and true of every row, and the sum of its pixels' losses."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """See the class; the IoU of a class that neither is nor is found is left out."""
        counts = count_pixels(rows["segments"], rows["found"], len(split.classes))
        scores = segment_scores(counts)
        own = zip(split.classes, scores.iou, strict=True)
        return {
            "mean_iou": scores.mean_iou,
            "pixel_accuracy": scores.pixel_accuracy,
            "class_accuracy": scores.class_accuracy,
            "loss": float(rows["surprise"].sum(dtype=np.float64) / counts.sum()),
            **{f"iou_{name}": float(value) for name, value in own if np.isfinite(value)},
        }

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> None:
        """`segments.png`, `iou.png`, and `confusion.png` in per cent of the true pixels."""
        images = split.batch(np.arange(min(SHOWN, split.size)))["image"]
        draw_found(images, rows["segments"], rows["found"], split.classes).save(
            folder / "segments.png", dpi=160
        )
        counts = count_pixels(rows["segments"], rows["found"], len(split.classes))
        scores = segment_scores(counts)
        title = f"mean IoU {scores.mean_iou:.3f}"
        bars = {"intersection over union": list(np.nan_to_num(scores.iou))}
        draw_bars(bars, split.classes, title=title).save(folder / "iou.png")
        parts = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        title = f"{split.name}: % of each label's pixels by what they are taken for"
        figure = draw_confusion(np.round(parts).astype(int), split.classes, title=title)
        figure.save(folder / "confusion.png")

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`segments.png` of the first rows."""
        chosen = np.arange(min(SHOWN, split.size))
        rows = self.rows_of(state, split.take(chosen, name="shown"))
        images = split.batch(chosen)["image"]
        figure = draw_found(images, rows["segments"], rows["found"], split.classes)
        return [figure.save(folder / "segments.png", dpi=160)]


def draw_found(images: Host, segments: Host, found: Host, classes: Sequence[str]) -> Figure:
    """A picture, its true classes and those found, side by side; below them the colors."""
    cells: list[Host] = []
    for image, true, own in zip(images, segments, found, strict=False):
        cells += [image, paint_classes(image, true), paint_classes(image, own)]
    shown = len(cells) // 3
    legend = class_legend(classes, segments[:shown], found[:shown])
    titles = ["picture", "truth", "found"] * shown
    return draw_grid(cells, titles, columns=min(6, len(cells)), cell=1.7, legend=legend)
