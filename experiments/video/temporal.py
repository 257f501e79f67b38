"""When which action happens in a long recording, in two stages: jaxdl run actions_localization."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SyntheticData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.voc_ap import ImageDetections, ImageGroundTruth, average_precisions, mean_of
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, as_it_is, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree
from jaxdl.video.localization.segments import as_boxes
from jaxdl.video.localization.temporal_rcnn import (
    TemporalRCNN,
    detect_actions,
    localization_losses,
)

THRESHOLDS = (0.3, 0.5, 0.7)  # tIoU at which a found action is right
COLORS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    lengths: tuple[int, ...] = (8, 14, 24)
    """Of anchors, in steps."""
    features: int = 48
    """Of each convolution."""
    proposals: int = 12
    """Of a recording, that are classed."""
    nms_iou: float = 0.7
    """A proposal that overlaps a surer one by more is dropped."""
    bins: int = 8
    """Places at which a proposal is looked at."""
    hidden: int = 64
    """Width of the layer before the classes."""


@dataclass(frozen=True)
class Config:
    """Recordings, a network, and how it is trained."""

    data: DataConfig = SyntheticData("actions", synthetic_rows=2000)
    model: NetConfig = NetConfig()
    nms_iou: float = 0.4
    """Of what is found: an action that overlaps a surer one of its class by more is dropped."""
    most: int = 10
    """Actions that are told of a recording."""
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=20)
    seed: int = 0
    """Of the initial weights."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("signal", "segments", "labels", "kept"))
    model = TemporalRCNN(len(splits["train"].classes), **vars(cfg.model))

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        found, extra = apply_train(
            model, params, extra, batch["signal"], key, added=batch["segments"]
        )
        parts = localization_losses(
            found, batch["segments"], batch["labels"], batch["kept"], lengths=model.lengths
        )
        loss = sum(parts.values(), jnp.zeros(()))
        return global_mean(loss), (
            extra,
            {k: weighted(v) for k, v in {"loss": loss, **parts}.items()},
        )

    evaluate = LocalizationEvaluator(cfg, model)
    return supervised(
        model,
        splits,
        as_it_is,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="signal",
    )


class LocalizationEvaluator(Evaluator):
    """VOC's average precision with segments in place of boxes; recordings with what was found."""

    def __init__(self, cfg: Config, model: TemporalRCNN):
        self.cfg, self.model = cfg, model
        self.rows_of = RowEvaluator(self._row, as_it_is)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        found: Any = self.model.apply(variables, batch["signal"], train=False)
        detected = detect_actions(
            found, length=batch["signal"].shape[1], nms_iou=self.cfg.nms_iou, count=self.cfg.most
        )
        truth = {f"true_{k}": batch[k] for k in ("segments", "labels", "kept")}
        return {**detected._asdict(), **truth, "signal": batch["signal"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """What is found and what is there, of every recording."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Mean average precision at each tIoU, and of each class at .5."""
        found, truth = as_images(rows)
        numbers = {}
        for threshold in THRESHOLDS:
            precisions = average_precisions(found, truth, len(split.classes), threshold=threshold)
            numbers[f"ap{round(100 * threshold)}"] = mean_of(precisions)
            if threshold == 0.5:
                numbers |= {
                    f"ap50_{name}": float(np.nan_to_num(p))
                    for name, p in zip(split.classes, precisions, strict=True)
                }
        return numbers

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`recordings.png`: four of them, true actions above, found ones below."""
        rows = self.rows(state, split.take(np.arange(min(4, split.size)), name="drawn"))
        figure = Figure(len(rows["signal"]), 1, size=(8, 1.6 * len(rows["signal"])))
        for i, axis in enumerate(figure.axes):
            axis.plot(rows["signal"][i], linewidth=0.8, color="0.3")
            axis.set(ylim=(-2.4, 2.4), yticks=[], xlim=(0, len(rows["signal"][i])))
            for name, low in (("true_", 1.5), ("", -2.3)):
                segments, labels = rows[f"{name}segments"][i], rows[f"{name}labels"][i]
                good = rows[f"{name}kept"][i]
                if not name:
                    good = good & (rows["scores"][i] > 0.5)
                for (start, end), label in zip(segments[good], labels[good], strict=True):
                    color = COLORS[label % len(COLORS)]
                    axis.axvspan(start, end, low / 4.8 + 0.5, (low + 0.8) / 4.8 + 0.5, color=color)
                    axis.text(start, low, split.classes[label], fontsize=7)
        figure.figure.suptitle("x and y; above true actions, below found ones", fontsize=9)
        return [figure.save(folder / "recordings.png")]


def as_images(
    rows: dict[str, Host],
) -> tuple[list[ImageDetections], list[ImageGroundTruth]]:
    """Each recording as a picture of height 1, whose boxes are its segments."""
    found, truth = [], []
    for i in range(len(rows["kept"])):
        good, real = rows["kept"][i], rows["true_kept"][i]
        boxes = np.asarray(as_boxes(rows["segments"][i][good]))
        found.append(ImageDetections(boxes, rows["scores"][i][good], rows["labels"][i][good]))
        boxes = np.asarray(as_boxes(rows["true_segments"][i][real]))
        labels = rows["true_labels"][i][real]
        truth.append(ImageGroundTruth(boxes, labels, np.zeros(len(labels), bool)))
    return found, truth


if __name__ == "__main__":
    main(__file__)
