"""k nearest neighbors on a labeled image set, k by cross-validation: jaxdl run cifar10_knn."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.classic.knn import CANDIDATES, cross_validate, vote
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, TfdsData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.tfds.order import original_order
from jaxdl.data.tfds.prepared import prepared_version
from jaxdl.draw import Figure, draw_grid
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host

BLOCK = 500  # queries at a time, here and in the versions that it is timed against
SHOWN = 8  # neighbors in the picture


@dataclass(frozen=True)
class Config:
    """Neighbors, and how k is chosen."""

    data: DataConfig = DataConfig(name="digits")
    k: int = 10
    """How many neighbors vote, where cross-validation does not choose it."""
    metric: str = "l2"
    """l2 or l1."""
    folds: int = 0
    """Choose k by cross-validation over so many folds (0: take `k`)."""
    fold_rows: int = 5000
    """Training rows that cross-validation looks at."""
    original_order: bool = False
    """The first rows as they were published, not as tensorflow-datasets has mixed them."""
    compare_libraries: bool = False
    """Also time NumPy's matrix product and scikit-learn on the same search (l2)."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Searches, votes, draws and reports."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    train, test = (as_rows(splits[name]) for name in ("train", "test"))
    metrics, seconds, k = {}, {"load": time.perf_counter() - began}, cfg.k
    if cfg.folds:
        first = first_rows(cfg, len(train[0]))
        table, seconds["cross_validation"] = timed(
            lambda: cross_validate(
                train[0][first], train[1][first], folds=cfg.folds, metric=cfg.metric
            )
        )
        k = CANDIDATES[int(np.argmax(table.mean(axis=1)))]
        metrics |= {f"accuracy_{c}": m for c, m in zip(CANDIDATES, table.mean(1), strict=True)}
        metrics["best_k"] = float(k)
        draw_folds(table).save(run_dir / "folds.png")

    def search(queries: Host) -> Any:
        return nearest(queries, train[0], k=k, metric=cfg.metric, block=BLOCK)

    _, seconds["compile"] = timed(lambda: search(test[0][:BLOCK]))
    (_, found), seconds["search"] = timed(lambda: search(test[0]))
    votes = np.asarray(vote(train[1][found], num_classes=len(splits["train"].classes)))
    metrics |= {"test_accuracy": float(np.mean(votes[:, -1] == test[1])), "k": float(k)}
    if cfg.compare_libraries:
        for name, other in (("numpy", by_numpy), ("scikit_learn", by_scikit_learn)):
            theirs, seconds[name] = timed(lambda f=other: f(test[0], train[0], k))
            metrics[f"{name}_agrees"] = float(np.mean(np.sort(theirs) == np.sort(found)))
    seconds["total"] = time.perf_counter() - began
    draw_neighbors(splits, found).save(run_dir / "neighbors.png")
    return report_numbers(cfg, metrics, seconds, rows=len(test[0]))


def as_rows(split: Split) -> tuple[Host, Host]:
    """Images as rows `(N, H W C)` and their labels `(N,)`."""
    return split.read("image").reshape(split.size, -1), np.asarray(split.read("label"))


def first_rows(cfg: Config, count: int) -> Host:
    """The training rows that cross-validation looks at. Raises UsageError where they are mixed."""
    if not cfg.original_order:
        return np.arange(min(cfg.fold_rows, count))
    if not isinstance(cfg.data, TfdsData) or cfg.data.val:
        raise UsageError("original_order is for a whole set of tensorflow-datasets, data.val = 0")
    version = prepared_version(cfg.data.name, cfg.data.dir)
    return original_order(version, "train")[: cfg.fold_rows]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` gives, and the seconds it took."""
    began = time.perf_counter()
    result = jax.block_until_ready(work())
    return result, time.perf_counter() - began


def by_numpy(queries: Host, points: Host, k: int) -> Host:
    """The same search the plain way: one matrix product a block, then a partial sort."""
    points = points.astype(np.float32)
    squares = np.sum(points**2, axis=1)
    parts = []
    for start in range(0, len(queries), BLOCK):
        part = queries[start : start + BLOCK].astype(np.float32)
        parts.append(np.argpartition(squares - 2 * part @ points.T, k - 1, axis=1)[:, :k])
    return np.concatenate(parts)


def by_scikit_learn(queries: Host, points: Host, k: int) -> Host:
    """scikit-learn's brute force in float32."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points.astype(np.float32))
    return model.kneighbors(queries.astype(np.float32), return_distance=False)


def draw_folds(table: Host) -> Figure:
    """Accuracy of each k on each fold, with mean and deviation."""
    figure = Figure(size=(6, 4))
    (axis,) = figure.axes
    for fold in table.T:
        axis.scatter(CANDIDATES, fold, s=12, alpha=0.6)
    axis.errorbar(CANDIDATES, table.mean(axis=1), yerr=table.std(axis=1), color="black")
    axis.set(xscale="log", xlabel="k", ylabel="accuracy", title="cross-validation over k")
    return figure


def draw_neighbors(splits: dict[str, Split], found: Host) -> Figure:
    """Each row: a test image, then its nearest training images."""
    train, test = splits["train"], splits["test"]
    images, titles = [], []
    for query in range(min(8, test.size)):
        asked = test.batch(np.array([query]))
        images.append(asked["image"][0])
        titles.append("is " + test.classes[asked["label"][0]])
        nearby = train.batch(np.asarray(found[query, :SHOWN]))
        images += list(nearby["image"])
        titles += [train.classes[label] for label in nearby["label"]]
    columns = min(SHOWN, found.shape[1]) + 1
    return draw_grid(images, titles, title="test image, then its neighbors", columns=columns)


if __name__ == "__main__":
    main(__file__)
