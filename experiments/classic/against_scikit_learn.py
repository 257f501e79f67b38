"""Classic learners beside scikit-learn and scikit-image: jaxdl run mnist_against_scikit_learn."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.classic.clustering.affinity_propagation import AffinityPropagation
from jaxdl.classic.clustering.dbscan import DBSCAN
from jaxdl.classic.clustering.kmeans import lloyd
from jaxdl.classic.features.hog import hog
from jaxdl.classic.features.pca import PCA
from jaxdl.classic.features.tsne import TSNE
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.ops.nearest_neighbors import nearest
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

QUERIES, NEIGHBORS, CENTERS, STEPS = 1000, 10, 10, 20
# What takes memory of the square of its rows is not tried with more of them.
MOST = {"affinity_propagation": 1000, "tsne": 1000}


class Race(NamedTuple):
    """Both sides as calls, and a measure of how well what they give agrees."""

    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    measures: Callable[[Any, Any], Numbers]


@dataclass(frozen=True)
class Config:
    """What is raced, on how many rows."""

    data: DataConfig = DataConfig(name="digits")
    learners: tuple[str, ...] = (
        *("nearest", "kmeans", "dbscan", "affinity_propagation", "pca", "tsne", "hog"),
    )
    """Of nearest, kmeans, dbscan, affinity_propagation, pca, tsne, hog."""
    sizes: tuple[int, ...] = (1000,)
    """Numbers of rows; affinity_propagation and tsne are left out above 1,000."""
    rounds: int = 3
    """Each side in turn; the median of the ratios counts."""
    seed: int = 0
    """Of the centers that both k-means start from."""

    def __post_init__(self) -> None:
        for name in self.learners:
            check_one_of("learners", name, RACES)
        if self.rounds < 1 or not self.sizes or min(self.sizes) < 50:
            raise UsageError("rounds must be at least 1, sizes at least 50")


def run(cfg: Config, run_dir: Path) -> Report:
    """Runs every race, draws the ratios of time, and reports ratios and agreement."""
    began = time.perf_counter()
    images = load_splits(cfg.data)["train"].read("image")
    metrics: Numbers = {}
    for name in cfg.learners:
        for size in (s for s in cfg.sizes if s <= min(MOST.get(name, s), len(images))):
            race = RACES[name](images[:size], cfg.seed)
            measured = timed(race, cfg.rounds)
            metrics |= {f"{name}_{size}_{key}": value for key, value in measured.items()}
            print(f"{name} {size}: " + "  ".join(f"{k} {v:.4g}" for k, v in measured.items()))
    draw_ratios(metrics, cfg).save(run_dir / "ratios.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=sum(cfg.sizes))


def timed(race: Race, rounds: int) -> Numbers:
    """Seconds of both sides, the median ratio of interleaved rounds, and their agreement."""
    race.ours()  # compiles
    pairs, ours, theirs = [], None, None
    for _ in range(rounds):
        start = time.perf_counter()
        ours = jax.block_until_ready(race.ours())
        middle = time.perf_counter()
        theirs = race.theirs()
        pairs.append((middle - start, time.perf_counter() - middle))
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(x / y for x, y in pairs)
    return {"seconds": a, "their_seconds": b, "ratio": ratio, **race.measures(ours, theirs)}


def rows_of(images: Host) -> Host:
    """Pixels in [0, 1], `(N, D)` float32."""
    return (images.reshape(len(images), -1) / 255).astype(np.float32)


def race_nearest(images: Host, seed: int) -> Race:
    """The ten nearest rows of the first thousand, exact on both sides."""
    from sklearn.neighbors import NearestNeighbors

    x = rows_of(images)
    queries = x[:QUERIES]

    def theirs() -> Host:
        model = NearestNeighbors(n_neighbors=NEIGHBORS, algorithm="brute").fit(x)
        return model.kneighbors(queries, return_distance=False)

    def measures(a: Any, b: Host) -> Numbers:
        return {"equal": float(np.mean(np.sort(a) == np.sort(b)))}

    return Race(lambda: nearest(queries, x, k=NEIGHBORS)[1], theirs, measures)


def race_kmeans(images: Host, seed: int) -> Race:
    """Lloyd's algorithm from the same centers, the same number of steps."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    x = rows_of(images)
    start = x[np.random.default_rng(seed).choice(len(x), CENTERS, replace=False)]

    def theirs() -> Any:
        return KMeans(CENTERS, init=start, n_init=1, max_iter=STEPS, tol=0).fit(x)

    def measures(a: Any, b: Any) -> Numbers:
        inertia = float(a.inertia) / float(b.inertia_)
        return {"rand": adjusted_rand_score(b.labels_, a.labels), "inertia_ratio": inertia}

    ours = jax.device_put(x), jax.device_put(start)
    return Race(lambda: lloyd(*ours, max_steps=STEPS, tolerance=0.0), theirs, measures)


def race_dbscan(images: Host, seed: int) -> Race:
    """Three principal coordinates; the radius shrinks as the points get denser."""
    from sklearn.cluster import DBSCAN as Theirs
    from sklearn.metrics import adjusted_rand_score

    x = PCA(num=3, whitened=True).fit_transform(rows_of(images))
    radius = 0.3 * (1000 / len(x)) ** (1 / 3)
    ours, theirs = DBSCAN(radius=radius, min_points=5), Theirs(eps=radius, min_samples=5)

    def measures(a: Host, b: Host) -> Numbers:
        return {
            "rand": adjusted_rand_score(b, a),
            "noise_equal": float(np.mean((a < 0) == (b < 0))),
        }

    return Race(lambda: ours.fit_predict(x), lambda: theirs.fit_predict(x), measures)


def race_affinity_propagation(images: Host, seed: int) -> Race:
    """The same damping, preference and patience."""
    from sklearn.cluster import AffinityPropagation as Theirs
    from sklearn.metrics import adjusted_rand_score

    x = rows_of(images)
    ours = AffinityPropagation(damping=0.7, preference=-60.0)
    theirs = Theirs(damping=0.7, preference=-60.0, random_state=seed)

    def measures(a: Host, b: Host) -> Numbers:
        return {"rand": adjusted_rand_score(b, a), "clusters": float(len(np.unique(a)))}

    return Race(lambda: ours.fit(x).labels_, lambda: theirs.fit(x).labels_, measures)


def race_pca(images: Host, seed: int) -> Race:
    """Twenty coordinates by an exact decomposition; signs are arbitrary."""
    from sklearn.decomposition import PCA as Theirs

    x = rows_of(images)

    def theirs() -> Host:
        return Theirs(20, svd_solver="covariance_eigh").fit_transform(x)

    def measures(a: Host, b: Host) -> Numbers:
        return {"largest_difference": float(np.abs(np.abs(a) - np.abs(b)).max())}

    return Race(lambda: PCA(num=20).fit_transform(x), theirs, measures)


def race_tsne(images: Host, seed: int) -> Race:
    """Both by the exact gradient; the divergence after 1,000 steps, less is better."""
    from sklearn.manifold import TSNE as Theirs

    x = rows_of(images)

    def theirs() -> float:
        model = Theirs(method="exact", init="pca", random_state=seed, max_iter=1000)
        return float(model.fit(x).kl_divergence_)

    def measures(a: float, b: float) -> Numbers:
        return {"divergence": a, "their_divergence": b}

    return Race(lambda: TSNE().fit(x).divergence_, theirs, measures)


def race_hog(images: Host, seed: int) -> Race:
    """Cells of 4 pixels, blocks of 2 cells."""
    try:
        from skimage.feature import hog as theirs
    except ImportError:
        raise UsageError("hog is raced with scikit-image: pip install scikit-image") from None

    x = images.astype(np.float32) / 255
    gray = x.mean(axis=-1)
    options: Any = {"pixels_per_cell": (4, 4), "cells_per_block": (2, 2)}

    def measures(a: Any, b: Host) -> Numbers:
        return {"largest_difference": float(np.abs(np.asarray(a) - b).max())}

    def ours() -> Any:
        parts = [compiled_hog(gray[i : i + 1000]) for i in range(0, len(gray), 1000)]
        return np.concatenate(parts)

    return Race(ours, lambda: np.stack([theirs(image, **options) for image in gray]), measures)


compiled_hog = jax.jit(lambda images: hog(images, cell=4, block=2))
RACES: dict[str, Callable[[Host, int], Race]] = {
    "nearest": race_nearest,
    "kmeans": race_kmeans,
    "dbscan": race_dbscan,
    "affinity_propagation": race_affinity_propagation,
    "pca": race_pca,
    "tsne": race_tsne,
    "hog": race_hog,
}


def draw_ratios(metrics: Numbers, cfg: Config) -> Figure:
    """One line per learner: its time over theirs, at each number of rows."""
    figure = Figure(size=(6, 4))
    (axis,) = figure.axes
    for name in cfg.learners:
        points = [(s, metrics.get(f"{name}_{s}_ratio")) for s in cfg.sizes]
        shown = [(size, ratio) for size, ratio in points if ratio is not None]
        if shown:
            axis.plot(*zip(*shown, strict=True), marker="o", label=name)
    axis.axhline(1, color="gray", linewidth=0.8)
    axis.set(xscale="log", yscale="log", xlabel="rows", ylabel="time / theirs")
    axis.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(__file__)
