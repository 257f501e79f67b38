"""Evaluation of features by the labels that they were learned without."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError, check_at_least
from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.probe import knn_probe, linear_probe, unit_features
from jaxdl.evaluation.rows import RowEvaluator, RowFn
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.training.state import TrainState
from jaxdl.training.task import Evaluate
from jaxdl.typing import Numbers, Prepare

QUERIES, NEIGHBORS = 8, 8


@dataclass(frozen=True)
class ProbeConfig:
    """How features are judged."""

    penalty: float = 1.0
    """Of the linear probe: weight of half the squared kernel, over the number of rows."""
    steps: int = 100
    """Most steps of its optimizer."""
    k: int = 20
    """Neighbors that vote."""
    rows: int = 0
    """Rows of the training split that it learns from, the first ones (0: all)."""

    def __post_init__(self) -> None:
        check_at_least("probe.rows", self.rows, 0)
        for name in ("penalty", "steps", "k"):
            if getattr(self, name) <= 0:
                raise UsageError(f"probe.{name} must be > 0, got {getattr(self, name)}")


class ProbeEvaluator(Evaluator):
    """`probe_accuracy` of a linear probe and `knn_accuracy` of a vote of neighbors.

    `row_fn(variables, batch)` gives `features (B, D)`; both learn from the rows of `train` and are
    judged on the split that is evaluated. In the folder: `neighbors.png`, rows of that split and
    the training rows that are nearest by cosine.
    """

    def __init__(self, row_fn: RowFn, prepare: Prepare, train: Split, cfg: ProbeConfig) -> None:
        self.train, self.cfg = train, cfg
        if cfg.rows and cfg.rows < train.size:
            self.train = train.take(np.arange(cfg.rows), name=train.name)
        self.rows_of = RowEvaluator(row_fn, prepare)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Features of the split and of the rows that the probes learn from."""
        return {
            "features": self.rows_of(state, split)["features"],
            "train_features": self.rows_of(state, self.train)["features"],
        }

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The accuracies of both probes."""
        known, asked = rows["train_features"], rows["features"]
        labels, answers = self.train.read("label"), split.read("label")
        probe = linear_probe(known, labels, penalty=self.cfg.penalty, steps=self.cfg.steps)
        voted = knn_probe(known, labels, asked, k=min(self.cfg.k, len(known)))
        return {
            "probe_accuracy": probe.accuracy(asked, answers),
            "knn_accuracy": float(np.mean(voted == answers)),
        }

    def with_start(self, start: Callable[[], TrainState]) -> Evaluate:
        """Where pictures are drawn, the numbers of a state that has not learned, too: `_random`."""

        def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
            numbers = self(state, split, folder)
            if folder is None:
                return numbers
            random = self(jax.jit(start)(), split)
            return {**numbers, **{f"{name}_random": value for name, value in random.items()}}

        return evaluate

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The first rows of the split, each before its nearest training rows."""
        asked = unit_features(rows["features"][:QUERIES])
        known = unit_features(rows["train_features"])
        _, places = nearest(asked, known, k=min(NEIGHBORS, len(known)))
        images, titles = [], []
        for query, found in enumerate(places):
            images += [*split.read("image", np.array([query])), *self.train.read("image", found)]
            names = [split.classes[i] for i in self.train.read("label", found)]
            titles += [split.classes[int(split.read("label", np.array([query]))[0])], *names]
        title = "Left: rows of the test split; then the training rows of the nearest features"
        columns = 1 + places.shape[1]
        figure = draw_grid(images, titles, columns=columns, title=title, cell=0.9)
        figure.save(folder / "neighbors.png")
