"""Clusterers and principal components, drawn: jaxdl run digits_clusters, diabetes_clusters."""

import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError, check_at_least
from jaxdl.classic.clustering.affinity_propagation import AffinityPropagation
from jaxdl.classic.clustering.dbscan import DBSCAN
from jaxdl.classic.clustering.kmeans import KMeans
from jaxdl.classic.features.pca import PCA
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure, class_colors
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

MOST = 8  # features in a pair plot


@dataclass(frozen=True)
class Config:
    """Rows, and what the clusterers look for."""

    data: DataConfig = DataConfig(name="digits")
    rows: int = 1000
    """At most so many training rows."""
    components: int = 4
    """Whitened principal components that are clustered, and drawn in pairs."""
    most: int = 12
    """k-means is tried with 1 to so many clusters."""
    k: int = 10
    """Clusters of the k-means that is drawn."""
    radius: float = 0.5
    """Of DBSCAN."""
    preference: float = -30.0
    """Of affinity propagation: lower gives fewer clusters."""

    def __post_init__(self) -> None:
        for name in ("rows", "components", "most", "k"):
            check_at_least(name, getattr(self, name), 1)


def run(cfg: Config, run_dir: Path) -> Report:
    """Clusters the rows, draws them, and reports how many clusters, and their agreement."""
    from sklearn.metrics import adjusted_rand_score

    began = time.perf_counter()
    x, label = read_rows(cfg)
    pca = PCA(num=min(cfg.components, x.shape[1]), whitened=True)
    points = pca.fit_transform(x)
    found = cluster(cfg, points)
    inertias = [KMeans(k=k).fit(points).inertia_ for k in range(1, cfg.most + 1)]
    draw_clusters(points, label, found, inertias).save(run_dir / "clusters.png")
    draw_pairs(x, label, "feature").save(run_dir / "feature_pairs.png")
    draw_pairs(points, label, "component").save(run_dir / "component_pairs.png")
    metrics: Numbers = {}
    for name, labels in found.items():
        metrics[f"clusters_{name}"] = float(len(np.unique(labels[labels >= 0])))
        metrics[f"rand_{name}"] = float(adjusted_rand_score(label, labels))
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(x))


def read_rows(cfg: Config) -> tuple[Host, Host]:
    """Standardized rows `(N, D)`, without columns that never change, and their classes `(N,)`."""
    split = load_splits(cfg.data)["train"]
    kept = np.arange(min(cfg.rows, split.size))
    batch = split.batch(kept)
    x = np.asarray(batch["input" if "input" in batch else "image"], np.float64)
    x = x.reshape(len(x), -1)
    spread = x.std(axis=0)
    if not np.any(spread > 0):
        raise DataError(f"clusters: all rows of {cfg.data.name} are the same")
    x = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    return x.astype(np.float32), np.asarray(batch["label"])


def cluster(cfg: Config, points: Host) -> dict[str, Host]:
    """The cluster of each row, -1 for DBSCAN's noise, by clusterer."""
    affinity = AffinityPropagation(damping=0.7, preference=cfg.preference)
    return {
        "kmeans": KMeans(k=cfg.k).fit(points).labels_,
        "dbscan": DBSCAN(radius=cfg.radius).fit_predict(points),
        "affinity_propagation": affinity.fit(points).labels_,
    }


def draw_clusters(
    points: Host, label: Host, found: dict[str, Host], inertias: list[float]
) -> Figure:
    """Two leading components, colored by class and by cluster; what is left within k clusters."""
    panels = {"classes": label, **found}
    figure = Figure(1, len(panels) + 1, size=(3 * len(panels) + 3, 3))
    for axis, (name, labels) in zip(figure.axes, panels.items(), strict=False):
        count = len(np.unique(labels[labels >= 0]))
        axis.scatter(*points[:, [0, -1 if points.shape[1] < 2 else 1]].T, c=paint(labels), s=4)
        axis.set_title(f"{name}: {count}", fontsize=9)
        axis.tick_params(labelsize=6)
    figure.axes[-1].plot(range(1, len(inertias) + 1), inertias, "o-", markersize=3)
    figure.axes[-1].set_title("k-means: squares within k clusters", fontsize=9)
    figure.axes[-1].set_ylim(0)
    figure.axes[-1].grid(alpha=0.3)
    return figure


def draw_pairs(x: Host, label: Host, what: str) -> Figure:
    """Every pair of the features `(N, D)` that vary with the classes most, at most `MOST`."""
    means = np.stack([x[label == c].mean(axis=0) for c in np.unique(label)])
    shown = np.sort(np.argsort(-means.var(axis=0) / x.var(axis=0), kind="stable")[:MOST])
    pairs = list(combinations(shown, 2)) or [(0, 0)]
    columns = min(len(pairs), 7)
    figure = Figure(
        -(-len(pairs) // columns), columns, size=(1.8 * columns, 1.7 * -(-len(pairs) // columns))
    )
    for axis in figure.axes[len(pairs) :]:
        axis.set_axis_off()
    for axis, (i, j) in zip(figure.axes, pairs, strict=False):
        axis.scatter(x[:, i], x[:, j], c=paint(label), s=1)
        axis.set_title(f"{what} {i + 1}, {j + 1}", fontsize=6)
        axis.tick_params(labelsize=5)
    return figure


def paint(labels: Host) -> Host:
    """A color of each row `(N, 3)`, gray where the label is -1."""
    colors = np.concatenate([class_colors(int(labels.max()) + 1), [[200, 200, 200]]])
    return colors[labels] / 255


if __name__ == "__main__":
    main(__file__)
