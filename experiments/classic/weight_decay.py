"""More inputs than rows: what weight decay does to the weights: jaxdl run wide_weight_decay."""

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.classic.gradient_descent import batch_order, descend_batches
from jaxdl.classic.regression import Line, predict_line, square_penalty, squared_error
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ToyData
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, ArrayLike, Host, Numbers


@dataclass(frozen=True)
class Config:
    """The rows and the penalties that are compared; the notes use 20 training and 100 test rows."""

    data: DataConfig = ToyData(name="wide", synthetic_rows=20, noise=0.01)
    test_rows: int = 100
    """Rows of a second draw."""
    penalty_weights: tuple[float, ...] = (0.0, 3.0)
    """What multiplies the penalty, half the sum of squared weights."""
    epochs: int = 100
    """Passes over the training rows, in batches of five."""
    lr: float = 0.003
    """Of descent on the half squared error."""
    seeds: int = 8
    """Runs from different weights, of which the mean is reported."""
    seed: int = 0
    """Of the first of them."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains with each penalty_weight, draws the losses, and reports norms of the weights."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    splits["test"] = load_splits(replace(cfg.data, synthetic_rows=cfg.test_rows))["test"]
    train, test = ((s.read("input"), s.read("label")) for s in (splits["train"], splits["test"]))
    keys = jax.random.split(jax.random.key(cfg.seed), cfg.seeds)
    metrics: Numbers = {}
    curves = {}
    for penalty_weight in cfg.penalty_weights:
        losses, norms = jax.vmap(lambda key, s=penalty_weight: learn(cfg, train, test, s, key))(
            keys
        )
        curves[penalty_weight] = np.asarray(jnp.mean(losses, axis=0))
        metrics[f"norm_{penalty_weight:g}"] = float(jnp.mean(norms))
        metrics[f"held_out_loss_{penalty_weight:g}"] = float(curves[penalty_weight][-1, 1])
    draw_losses(curves, metrics).save(run_dir / "weight_decay.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(
        cfg, metrics, seconds, rows=len(train[0]), synthetic=splits["train"].synthetic
    )


def learn(
    cfg: Config,
    train: tuple[Host, Host],
    test: tuple[Host, Host],
    penalty_weight: float,
    key: Array,
) -> tuple[Array, Array]:
    """(training and test loss after each epoch `(epochs, 2)`, the last norm of the weights)."""
    start, shuffle = jax.random.split(key)
    line = Line(
        jax.random.normal(start, (train[0].shape[1],), jnp.float32), jnp.zeros((), jnp.float32)
    )
    orders = batch_order(shuffle, len(train[0]), 5, cfg.epochs).reshape(cfg.epochs, -1, 5)
    cost = partial(penalized, penalty_weight)

    def epoch(line: Line, order: Array) -> tuple[Line, Array]:
        line, _ = descend_batches(cost, line, order, *train, rate=cfg.lr)
        return line, jnp.stack([penalized(0.0, line, *rows) for rows in (train, test)])

    line, losses = jax.lax.scan(epoch, line, orders)
    return losses, jnp.linalg.norm(line.weight)


def penalized(penalty_weight: float, line: Line, x: ArrayLike, y: ArrayLike) -> Array:
    """Half the mean squared error plus `penalty_weight` times half the sum of squared weights."""
    error = jnp.mean(squared_error(predict_line(line, x), y)) / 2
    return error + penalty_weight * square_penalty(line.weight)


def draw_losses(curves: dict[float, Host], metrics: Numbers) -> Figure:
    """One panel per penalty: the losses without the penalty."""
    figure = Figure(1, len(curves), size=(4 * len(curves), 3.2))
    for axis, (penalty_weight, losses) in zip(figure.axes, curves.items(), strict=True):
        axis.semilogy(losses[:, 0], label="training")
        axis.semilogy(losses[:, 1], label="test")
        norm = metrics[f"norm_{penalty_weight:g}"]
        axis.set(title=f"penalty_weight {penalty_weight:g}: |w| = {norm:.3f}", xlabel="epoch")
        axis.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(__file__)
