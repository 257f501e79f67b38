"""A network that learns how a spiral moves from its points: jaxdl run spiral_neural_ode."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.checks import check_at_least
from jaxdl.classic.neural_ode import integrate, integrate_adjoint
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Key, Numbers, Tree

SPIRAL = np.array([[-0.1, 2.0], [-2.0, -0.1]], np.float32)  # the cubic spiral of the paper's code


@dataclass(frozen=True)
class Config:
    """The spiral, the network, and how it learns."""

    points: int = 1000
    """Of the spiral, evenly spread over the time."""
    end: float = 25.0
    """The last time."""
    hidden: int = 50
    """Width of the one hidden layer."""
    segment: int = 10
    """Points in a row that a training example has."""
    batch_size: int = 32
    """Such examples a step."""
    steps: int = 3000
    """Of Adam."""
    lr: float = 0.003
    """Its rate, which falls to 0 by half a cosine."""
    seed: int = 0
    """Of the network and the examples."""

    def __post_init__(self) -> None:
        check_at_least("segment", self.segment, 2)
        check_at_least("points", self.points, self.segment + 1)
        check_at_least("steps", self.steps, 1)


def true_field(matrix: Array, x: Array, _: Array) -> Array:
    """dx/dt = x^3 A, entry by entry cubed."""
    return x**3 @ matrix


def net_field(params: Tree, x: Array, _: Array) -> Array:
    """W2 tanh(x^3 W1 + b1) + b2: the cube is given, the rest is learned."""
    row = (1,) * (x.ndim - 1) + (-1,)
    hidden = jnp.tanh(x**3 @ params["w1"] + params["b1"].reshape(row))
    return hidden @ params["w2"] + params["b2"].reshape(row)


def first_params(key: Key, hidden: int) -> Tree:
    """Normal weights of deviation 0.1, zero biases."""
    one, two = jax.random.split(key)
    return {
        "w1": 0.1 * jax.random.normal(one, (2, hidden), jnp.float32),
        "b1": jnp.zeros(hidden, jnp.float32),
        "w2": 0.1 * jax.random.normal(two, (hidden, 2), jnp.float32),
        "b2": jnp.zeros(2, jnp.float32),
    }


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains on short pieces, follows the whole spiral from its start, draws and reports."""
    began = time.perf_counter()
    times = jnp.linspace(0, cfg.end, cfg.points, dtype=jnp.float32)
    truth = integrate(true_field, SPIRAL, jnp.array([2.0, 0.0], jnp.float32), times, steps=4)
    key = jax.random.key(cfg.seed)
    params = first_params(jax.random.fold_in(key, 0), cfg.hidden)
    before = np.asarray(integrate(net_field, params, truth[0], times))
    params, losses = train(cfg, params, truth, times, jax.random.fold_in(key, 1))
    after = np.asarray(integrate(net_field, params, truth[0], times))
    exact = np.asarray(truth)
    numbers: Numbers = {
        "mean_error": float(np.abs(after - exact).mean()),
        "mean_error_before": float(np.abs(before - exact).mean()),
        "last_loss": float(losses[-100:].mean()),
        "adjoint_gradient_error": compare_gradients(params, truth, times),
    }
    draw_spiral(exact, after, losses).save(run_dir / "spiral.png")
    seconds = {"total": time.perf_counter() - began}
    about = f"synthetic cubic spiral, {cfg.points} points"
    rows = cfg.steps * cfg.batch_size
    return report_numbers(cfg, numbers, seconds, rows=rows, params=params, synthetic=about)


def train(cfg: Config, params: Tree, truth: Array, times: Array, key: Key) -> tuple[Tree, Host]:
    """Adam on the mean absolute error of pieces of the spiral, by adjoint gradients."""
    tx = optax.adam(optax.cosine_decay_schedule(cfg.lr, cfg.steps))
    piece = jnp.arange(cfg.segment)

    def loss_fn(params: Tree, first: Array) -> Array:
        wanted = truth[first[None] + piece[:, None]]  # (segment, B, 2)
        made: Array = integrate_adjoint(net_field, params, wanted[0], times[: cfg.segment])
        return jnp.mean(jnp.abs(made - wanted))

    def step(carry: Tree, number: Array) -> tuple[Tree, Array]:
        params, state = carry
        drawn = jax.random.fold_in(key, number)
        first = jax.random.randint(drawn, (cfg.batch_size,), 0, cfg.points - cfg.segment + 1)
        loss, grads = jax.value_and_grad(loss_fn)(params, first)
        updates, state = tx.update(grads, state)
        return (optax.apply_updates(params, updates), state), loss

    learn = jax.jit(lambda p: jax.lax.scan(step, (p, tx.init(p)), jnp.arange(cfg.steps)))
    (params, _), losses = learn(params)
    return params, np.asarray(losses)


def compare_gradients(params: Tree, truth: Array, times: Array) -> float:
    """|adjoint - backpropagation| over |backpropagation|, of the first quarter of the spiral."""
    count = len(times) // 4

    def loss(way, params: Tree) -> Array:
        return jnp.mean((way(net_field, params, truth[0], times[:count]) - truth[:count]) ** 2)

    flat = [
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(made)])
        for made in (jax.jit(jax.grad(lambda p, w=way: loss(w, p)))(params) for way in WAYS)
    ]
    return float(np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[1]))


WAYS = (integrate_adjoint, integrate)


def draw_spiral(truth: Host, made: Host, losses: Host) -> Figure:
    """Left the spiral and what the network makes of its start, right the losses."""
    figure = Figure(1, 2, size=(9, 4))
    left, right = figure.axes
    left.plot(*truth.T, color="gray", lw=3, alpha=0.6, label="truth")
    left.plot(*made.T, color="tab:red", lw=1, label="network, from the first point")
    left.set(xlabel="x", ylabel="y", title=f"{len(truth):,} points")
    left.legend(fontsize=8)
    right.semilogy(losses, lw=0.5)
    right.set(xlabel="step", ylabel="mean absolute error of a piece")
    return figure


if __name__ == "__main__":
    main(__file__)
