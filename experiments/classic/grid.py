"""Every pair of a rate and a penalty, trained by one program: jaxdl run cifar10_softmax_grid."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import Partial

from jaxdl.checks import check_one_of
from jaxdl.classic.gradient_descent import batch_order, descend_batches
from jaxdl.classic.linear_classifier import LOSSES, class_scores, init_linear, objective
from jaxdl.classic.two_layer import init_two_layer, two_layer_objective, two_layer_scores
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Key, Tree


@dataclass(frozen=True)
class Config:
    """The grid and what is trained at each of its points."""

    data: DataConfig = DataConfig(name="digits", batch_size=128, val=200)
    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    """Learning rates; each falls to zero along a cosine."""
    penalty_weights: tuple[float, ...] = (0.0, 1e-4, 1e-3, 1e-2)
    """What multiplies the sum of squared weights (of a network, half of it)."""
    loss: str = "softmax"
    """softmax, svm or squares; a network has softmax."""
    hidden: int = 0
    """Hidden units (0: a linear classifier)."""
    momentum: float = 0.9
    """Of descent."""
    epochs: int = 5
    """Of every trial."""
    vmap: bool = True
    """All trials side by side (vmap), else one after the other in the same program."""
    seed: int = 0
    """Of the weights and the order of rows."""

    def __post_init__(self) -> None:
        check_one_of("loss", self.loss, LOSSES)


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains every trial, draws the table, and reports the best by validation accuracy."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    x, y = as_rows(splits["train"])
    scale = x.mean(axis=0, dtype=np.float64), x.std(dtype=np.float64)
    rates, penalty_weights = (
        a.ravel() for a in np.meshgrid(cfg.learning_rates, cfg.penalty_weights, indexing="ij")
    )
    work = partial(train_all, cfg, len(splits["train"].classes), scale)
    order = batch_order(jax.random.key(cfg.seed), len(x), cfg.data.batch_size, cfg.epochs)
    args = (jnp.asarray(rates), jnp.asarray(penalty_weights), order, jnp.asarray(x), jnp.asarray(y))
    seconds = {"load": time.perf_counter() - began}
    program = jax.jit(work).lower(*args).compile()
    seconds["compile"] = time.perf_counter() - began - seconds["load"]
    params = jax.block_until_ready(program(*args))
    seconds["train"] = time.perf_counter() - began - seconds["load"] - seconds["compile"]
    val, test = (accuracies(cfg, scale, params, splits[name]) for name in ("val", "test"))
    best = int(np.argmax(val))
    metrics = {
        "trials": float(len(rates)),
        "best_rate": float(rates[best]),
        "best_penalty_weight": float(penalty_weights[best]),
        "val_accuracy": float(val[best]),
        "test_accuracy": float(test[best]),
    }
    draw_table(cfg, val.reshape(len(cfg.learning_rates), -1)).save(run_dir / "grid.png")
    seconds["total"] = time.perf_counter() - began
    chosen = jax.tree.map(lambda p: p[best], params)
    rows = order.size * len(rates)
    return report_numbers(cfg, metrics, seconds, rows=rows, params=chosen._asdict())


def as_rows(split: Split) -> tuple[Host, Host]:
    """Images as uint8 rows `(N, H W C)` and their labels."""
    return split.read("image").reshape(split.size, -1), np.asarray(split.read("label"))


def train_all(
    cfg: Config,
    classes: int,
    scale: Any,
    rates: Array,
    penalty_weights: Array,
    order: Array,
    *data: Array,
) -> Tree:
    """The parameters of every trial, leading axis the trial; all start from the same weights."""
    steps = len(order)
    falling = 0.5 * (1 + jnp.cos(jnp.pi * jnp.arange(steps) / steps))
    start = initial(cfg, jax.random.key(cfg.seed), data[0].shape[1], classes)
    value = two_layer_objective if cfg.hidden else objective(cfg.loss)

    def trial(pair: tuple[Array, Array]) -> Tree:
        rate, penalty_weight = pair

        def loss(penalty_weight: Array, params: Tree, x: Array, labels: Array) -> Array:
            return value(penalty_weight, params, normalize(x, scale), labels)

        cost = Partial(loss, penalty_weight)
        params, _ = descend_batches(
            cost, start, order, *data, rate=rate * falling, momentum=cfg.momentum
        )
        return params

    return (jax.vmap(trial) if cfg.vmap else partial(lax.map, trial))((rates, penalty_weights))


def initial(cfg: Config, key: Key, width: int, classes: int) -> Tree:
    """Weights of a linear classifier, or of a network: deviation sqrt(2 / D) in both layers."""
    if cfg.hidden:
        return init_two_layer(key, width, cfg.hidden, classes, std=math.sqrt(2 / width))
    return init_linear(key, width, classes, std=0.01)


def normalize(x: Array, scale: tuple[Host, Host]) -> Array:
    """Rows minus the mean row, over the deviation of all entries."""
    mean, std = (jnp.asarray(s, jnp.float32) for s in scale)
    return (x.astype(jnp.float32) - mean[None, :]) / std


def accuracies(cfg: Config, scale: Any, params: Tree, split: Split) -> Host:
    """The accuracy of every trial on a split, `(trials,)`."""
    x, labels = as_rows(split)
    scores: Callable[..., Array] = two_layer_scores if cfg.hidden else class_scores

    @jax.jit
    def right(params: Tree, x: Array, labels: Array) -> Array:
        return jnp.mean(jnp.argmax(scores(params, normalize(x, scale)), axis=1) == labels)

    return np.asarray(lax.map(lambda p: right(p, jnp.asarray(x), jnp.asarray(labels)), params))


def draw_table(cfg: Config, val: Host) -> Figure:
    """Validation accuracy over rates (down) and penalty_weights (across)."""
    figure = Figure(size=(1.2 * len(cfg.penalty_weights) + 2, 0.7 * len(cfg.learning_rates) + 1.5))
    (axis,) = figure.axes
    axis.imshow(val, cmap="viridis", aspect="auto")
    axis.set_xticks(range(len(cfg.penalty_weights)), [f"{s:g}" for s in cfg.penalty_weights])
    axis.set_yticks(range(len(cfg.learning_rates)), [f"{r:g}" for r in cfg.learning_rates])
    axis.set(xlabel="penalty_weight", ylabel="rate", title="validation accuracy")
    for (i, j), value in np.ndenumerate(val):
        axis.text(j, i, f"{value:.1%}", ha="center", va="center", color="white", fontsize=8)
    return figure


if __name__ == "__main__":
    main(__file__)
