"""Recurrence, convolution and attention over one sequence: jaxdl run sequence_layers."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from jaxdl.bench.step_loop import seconds_of
from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.layers.conv import Conv
from jaxdl.layers.sequence.attention import MultiHeadAttention
from jaxdl.layers.sequence.recurrent import Recurrent, RNNCell
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Numbers, Tree

KINDS = ("rnn", "lstm", "conv", "attention")
HEADS = 4
MOVES = ("reshape", "broadcast_in_dim", "transpose", "squeeze", "stack", "stop_gradient", "slice")


@dataclass(frozen=True)
class SequenceConfig:
    """The inputs: independent numbers of deviation 1."""

    lengths: tuple[int, ...] = (64, 256, 1024)
    """Tokens of a sequence."""
    width: int = 64
    """Of a token, in and out."""
    rows: int = 8
    """Sequences at once."""

    def __post_init__(self) -> None:
        if self.width % HEADS:
            raise UsageError(f"sequences.width must be a multiple of {HEADS}, got {self.width}")


@dataclass(frozen=True)
class Config:
    """What is measured."""

    sequences: SequenceConfig = SequenceConfig()
    kinds: tuple[str, ...] = KINDS
    """rnn, lstm, conv (one dimension) and attention (self-attention)."""
    kernel: int = 3
    """Of conv: tokens of a window."""
    rounds: int = 5
    """Timings, the median of which counts."""
    scales: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Largest singular values of a tanh net's matrix, whose gradient is followed back."""
    steps: int = 100
    """Over so many steps."""
    seed: int = 0
    """Of weights and inputs."""

    def __post_init__(self) -> None:
        for kind in self.kinds:
            check_one_of("kinds", kind, KINDS)
        if self.kernel < 3 or not self.kernel % 2:
            raise UsageError(f"kernel must be odd and at least 3, got {self.kernel}")


def run(cfg: Config, run_dir: Path) -> Report:
    """Time, memory and operations in a row by length, what a far token sees, gradients."""
    began = time.perf_counter()
    metrics: Numbers = {}
    for kind in cfg.kinds:
        for length in cfg.sequences.lengths:
            for name, value in measure(cfg, kind, length).items():
                metrics[f"{name}_{kind}_{length}"] = value
            layer, x = Layer(kind, cfg.kernel), jnp.zeros((1, length, cfg.sequences.width))
            variables = jax.eval_shape(layer.init, jax.random.key(0), x)
            chain = operations_in_a_row(layer.apply, variables, x)
            metrics[f"operations_in_a_row_{kind}_{length}"] = float(chain)
        metrics[f"layers_to_see_all_{kind}"] = layers_to_see_all(
            kind, cfg.sequences.lengths[-1], cfg.kernel
        )
    norms = {scale: gradient_norms(cfg, scale) for scale in cfg.scales}
    for scale, values in norms.items():
        metrics[f"gradient_after_{cfg.steps}_steps_{scale:g}"] = float(values[-1])
    draw(cfg, metrics, norms).save(run_dir / "sequence_layers.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, synthetic=str(cfg.sequences))


class Layer(nn.Module):
    """One of `KINDS`, `(B, L, D)` -> the same."""

    kind: str
    kernel: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width = x.shape[-1]
        if self.kind == "conv":
            return Conv(width, self.kernel, padding=self.kernel // 2)(x)
        if self.kind == "attention":
            return MultiHeadAttention(HEADS, width)(x)[0]
        return Recurrent(width, self.kind)(x, train=True)[0]


def measure(cfg: Config, kind: str, length: int) -> Numbers:
    """Milliseconds and MiB of temporary memory of the gradient of a layer, by its input."""
    x = jax.random.normal(
        jax.random.key(cfg.seed), (cfg.sequences.rows, length, cfg.sequences.width), jnp.float32
    )
    layer = Layer(kind, cfg.kernel)
    variables = jax.jit(layer.init)(jax.random.key(1), x)

    def loss(x: Array) -> Array:
        y: Any = layer.apply(variables, x)
        return jnp.sum(y**2)

    program = jax.jit(jax.grad(loss)).lower(x).compile()
    program(x)
    times = [seconds_of(lambda: program(x)) for _ in range(cfg.rounds)]
    memory: Any = program.memory_analysis()
    return {"ms": 1e3 * statistics.median(times), "mib": memory.temp_size_in_bytes / 2**20}


def operations_in_a_row(function: Any, *args: Any) -> int:
    """Operations on the longest chain in which each needs the one before, from the program of JAX.

    Those that only move numbers (`MOVES`) count nothing; a loop counts as if it were unrolled, so
    that steps which do not wait for each other are side by side.
    """
    closed = jax.make_jaxpr(function)(*args)
    return max(_depths(closed.jaxpr, [0] * len(closed.jaxpr.invars)))


def _depths(jaxpr: Any, inputs: list[int]) -> list[int]:
    """Of every output, where the inputs already have these."""
    depth = dict.fromkeys(jaxpr.constvars, 0) | dict(zip(jaxpr.invars, inputs, strict=True))
    for equation in jaxpr.eqns:
        given = [0 if isinstance(v, Literal) else depth[v] for v in equation.invars]
        name, options = equation.primitive.name, equation.params
        inner = options.get("call_jaxpr", options.get("jaxpr"))
        if name == "scan":
            outputs = _scan_depths(options, given)
        elif name in ("while", "cond"):
            raise ValueError(f"operations_in_a_row: how long a {name} is stands in no program")
        elif inner is not None:
            outputs = _depths(getattr(inner, "jaxpr", inner), given)
        else:
            outputs = [max(given, default=0) + (name not in MOVES)] * len(equation.outvars)
        depth.update(zip(equation.outvars, outputs, strict=True))
    return [0 if isinstance(v, Literal) else depth[v] for v in jaxpr.outvars]


def _scan_depths(options: dict[str, Any], given: list[int]) -> list[int]:
    constants, carried = options["num_consts"], options["num_carry"]
    state, rows = given[constants : constants + carried], given[constants + carried :]
    most: list[int] = []
    for _ in range(options["length"]):
        outputs = _depths(options["jaxpr"].jaxpr, [*given[:constants], *state, *rows])
        state, written = outputs[:carried], outputs[carried:]
        most = [max(pair) for pair in zip(most or written, written, strict=True)]
    return [*state, *most]


def layers_to_see_all(kind: str, length: int, kernel: int) -> float:
    """Layers until the last output depends on the first token."""
    return float(-(-(length - 1) // (kernel // 2))) if kind == "conv" else 1.0


def gradient_norms(cfg: Config, scale: float) -> Host:
    """Norm of the gradient of the first unit of h_T by h_(T-t), t = 1 .. steps: `(steps,)`.

    h_t = tanh(W_x x_t + W h_(t-1) + b) over random inputs; W is random, its largest singular value
    `scale`. Each step back multiplies by diag(1 - h^2) W, so that the norm is at most scale^t:
    it vanishes below 1 and may explode above (Pascanu et al. 2013, arXiv 1211.5063, section 2.1).
    """
    cell, params, x = tanh_net(cfg, scale)

    def advance(state: Array, token: Array) -> Array:
        return cell.apply({"params": params}, token[None], (state[None],))[0][0]

    def norms() -> Array:
        start = jnp.zeros(cfg.sequences.width, jnp.float32)
        _, before = jax.lax.scan(lambda h, token: (advance(h, token), h), start, x)

        def back(gradient: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
            state, token = at
            (gradient,) = jax.vjp(lambda h: advance(h, token), state)[1](gradient)
            return gradient, jnp.linalg.norm(gradient)

        unit = start.at[0].set(1.0)
        return jax.lax.scan(back, unit, (before, x), reverse=True)[1][::-1]

    return np.asarray(jax.jit(norms)())


def tanh_net(cfg: Config, scale: float) -> tuple[RNNCell, Tree, Array]:
    """A cell, its parameters, whose `wh` has that largest singular value, and inputs `(T, D)`."""
    width = cfg.sequences.width
    start, matrix, tokens = jax.random.split(jax.random.key(cfg.seed), 3)
    cell, x = RNNCell(width), jax.random.normal(tokens, (cfg.steps, width), jnp.float32)
    params = jax.jit(cell.init)(start, x)["params"]
    wh = jax.random.normal(matrix, (width, width), jnp.float32)
    return cell, {**params, "wh": scale * wh / jnp.linalg.norm(wh, 2)}, x


def draw(cfg: Config, metrics: Numbers, norms: dict[float, Host]) -> Figure:
    """Time and memory over the length; gradients over the way back."""
    figure = Figure(1, 3, size=(12, 3.6))
    for axis, name, label in zip(
        figure.axes, ("ms", "mib"), ("ms of a gradient", "MiB of temporary memory"), strict=False
    ):
        for kind in cfg.kinds:
            values = [metrics[f"{name}_{kind}_{length}"] for length in cfg.sequences.lengths]
            axis.plot(cfg.sequences.lengths, values, marker=".", label=kind)
        axis.set(xscale="log", yscale="log", xlabel="tokens", title=label)
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    last = figure.axes[2]
    for scale, values in norms.items():
        last.plot(np.arange(1, cfg.steps + 1), values, label=f"{scale:g}")
    last.set(yscale="log", xlabel="steps back", title="gradient by the largest singular value")
    last.legend(fontsize=8)
    last.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main(__file__)
