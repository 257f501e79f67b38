"""How the learning rate changes over a run: the factor on it at each update."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of
from jaxdl.typing import Array

SCHEDULES = ("constant", "step", "cosine", "linear", "inverse_sqrt", "restarts", "triangular")
Shape = Callable[[Array], Array]


def make_schedule(
    name: str,
    steps: int,
    *,
    warmup: int = 0,
    milestones: Sequence[float] = (0.3, 0.6, 0.9),
    step_factor: float = 0.1,
    first_cycle: float = 0.25,
    cycle_mult: float = 1.0,
    min_factor: float = 0.0,
) -> Shape:
    """`shape(t)`, the factor at update t = 0, 1, ... of a run of `steps`.

    In `warmup` updates it is (t + 1) / warmup. Then, with s = t - warmup, T = steps - warmup and
    f = min_factor: constant 1; step `step_factor` ** (number of milestones m with s >= m T); cosine
    f + (1 - f) (1 + cos(pi s / T)) / 2; linear f + (1 - f) (1 - s / T); inverse_sqrt
    1 / sqrt(s + 1); restarts the cosine over each of the cycles, the first `first_cycle` T long and
    every further one `cycle_mult` times as long as the one before (SGDR, Loshchilov & Hutter 2017,
    arXiv 1608.03983, eq. 5); triangular from f up to 1 and back in each of the same cycles (Smith
    2017, arXiv 1506.01186).
    """
    check_one_of("optim.schedule", name, SCHEDULES)
    after = max(steps - warmup, 1)
    starts, lengths = cycles(after, max(first_cycle * after, 1.0), cycle_mult)

    def place(s: Array) -> Array:
        """How much of its cycle is over, in [0, 1)."""
        index = jnp.sum(s >= jnp.asarray(starts, jnp.float32)) - 1
        first, length = (jnp.asarray(v, jnp.float32)[index] for v in (starts, lengths))
        return (s - first) / length

    def shape(t: Array) -> Array:
        s = jnp.clip(t - warmup, 0, after).astype(jnp.float32)
        marks = jnp.asarray([m * after for m in milestones], jnp.float32)
        base = {
            "constant": lambda: jnp.ones_like(s),
            "step": lambda: jnp.float32(step_factor) ** jnp.sum(s >= marks),
            "cosine": lambda: _above(min_factor, 0.5 * (1 + jnp.cos(jnp.pi * s / after))),
            "linear": lambda: _above(min_factor, 1 - s / after),
            "inverse_sqrt": lambda: jax.lax.rsqrt(s + 1),
            "restarts": lambda: _above(min_factor, 0.5 * (1 + jnp.cos(jnp.pi * place(s)))),
            "triangular": lambda: _above(min_factor, 1 - jnp.abs(2 * place(s) - 1)),
        }[name]()
        return jnp.where(t < warmup, (t + 1) / jnp.float32(max(warmup, 1)), base)

    return shape


def cycles(after: int, first: float, mult: float) -> tuple[list[float], list[float]]:
    """Starts and lengths, in steps, of the cycles that cover `after` steps."""
    starts, lengths = [0.0], [first]
    while starts[-1] + lengths[-1] < after * (1 - 1e-9):  # three thirds end with the run
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * mult)
    return starts, lengths


def _above(lowest: float, factor: Array) -> Array:
    return lowest + (1 - lowest) * factor
