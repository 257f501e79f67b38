"""Products of random matrices, and a squashed gradient: jaxdl run normal_random_matrices."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Key


@dataclass(frozen=True)
class MatrixConfig:
    """The matrices: independent entries of deviation 1."""

    size: int = 4
    """Rows and columns."""
    count: int = 100
    """Factors of a product."""


@dataclass(frozen=True)
class Config:
    """Which products."""

    matrices: MatrixConfig = MatrixConfig()
    products: int = 1000
    """How many are made."""
    seed: int = 0
    """Of the matrices."""


def run(cfg: Config, run_dir: Path) -> Report:
    """Multiplies, draws the growth and the sigmoid's slope, and reports sizes."""
    began = time.perf_counter()
    keys = jax.random.split(jax.random.key(cfg.seed), cfg.products)
    make = jax.jit(jax.vmap(lambda key: log_largest(key, cfg.matrices.size, cfg.matrices.count)))
    logs = np.asarray(make(keys)) / math.log(10)
    metrics = {
        "log10_largest_mean": float(logs[:, -1].mean()),
        "log10_largest_std": float(logs[:, -1].std()),
    }
    draw_growth(logs).save(run_dir / "random_matrices.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=cfg.products, synthetic=str(cfg.matrices))


def log_largest(key: Key, size: int, count: int) -> Array:
    """log of the largest absolute entry of M_1, M_1 M_2, ..., `(count,)`.

    The product is divided by that entry after each factor, so that float32 holds it.
    """

    def multiply(carry: tuple[Array, Array], key: Key) -> tuple[tuple[Array, Array], Array]:
        product, log = carry
        product = product @ jax.random.normal(key, (size, size), jnp.float32)
        largest = jnp.max(jnp.abs(product))
        log = log + jnp.log(largest)
        return (product / largest, log), log

    start = (jnp.eye(size, dtype=jnp.float32), jnp.zeros((), jnp.float32))
    return lax.scan(multiply, start, jax.random.split(key, count))[1]


def draw_growth(logs: Host) -> Figure:
    """Left the growth of 50 products, right the sigmoid and its slope, which is 0.25 at most."""
    figure = Figure(1, 2, size=(9, 3.5))
    left, right = figure.axes
    left.plot(logs[:50].T, lw=0.5, alpha=0.5)
    left.set(xlabel="factors", ylabel="log10 of the largest entry", title="products explode")
    x = np.linspace(-8, 8, 200)
    y = 1 / (1 + np.exp(-x))
    right.plot(x, y, label="sigmoid")
    right.plot(x, y * (1 - y), label="its slope")
    right.set(title="far from 0 the slope vanishes")
    right.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(__file__)
