"""Diffusion: noise schedules, noising, the posterior, and sampling by DDPM and DDIM.

Time steps are 0 .. T - 1: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise, abar_t the product of
alpha_s = 1 - beta_s up to and with t; before step 0 abar is 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.typing import Array, Host, Key

SCHEDULES = ("linear", "cosine")
Denoiser = Callable[[Array, Array], Array]  # (x (B, ...), time (B,)) -> noise (B, ...)


@dataclass(frozen=True)
class DiffusionConfig:
    """The forward process, and how samples are drawn."""

    schedule: str = "cosine"
    """linear or cosine."""
    steps: int = 1000
    """Of the forward process."""
    sample_steps: int = 50
    """Of them, those that a sample takes."""
    eta: float = 0.0
    """Noise on the way: 0 is DDIM, 1 has DDPM's variance."""
    label_dropout: float = 0.1
    """Training of a conditional model: how often the class is withheld."""
    guidance: float = 0.0
    """Weight w of classifier-free guidance, (1 + w) noise(class) - w noise(none)."""

    def __post_init__(self) -> None:
        check_one_of("diffusion.schedule", self.schedule, SCHEDULES)
        if not 1 <= self.sample_steps <= self.steps:
            raise UsageError(
                f"diffusion.sample_steps must lie in 1..{self.steps} (steps), "
                f"got {self.sample_steps}"
            )
        for name in ("eta", "label_dropout"):
            check_fraction(f"diffusion.{name}", getattr(self, name))


def make_betas(schedule: str, steps: int) -> Host:
    """The variances beta_t, `(steps,)` float64.

    linear: 1e-4 to 0.02 at 1000 steps, times 1000 / steps otherwise (Ho et al. 2020, 2006.11239)
    cosine: 1 - abar_t / abar_{t-1} with abar ~ cos^2((t / T + 0.008) / 1.008 pi / 2), at most
      0.999 (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17)
    """
    check_one_of("make_betas: schedule", schedule, SCHEDULES)
    if steps < 1:
        raise ValueError(f"make_betas: steps must be at least 1, got {steps}")
    if schedule == "linear":
        return np.minimum(np.linspace(1e-4, 0.02, steps) * 1000 / steps, 0.999)
    t = np.arange(steps + 1) / steps
    bars = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - bars[1:] / bars[:-1], 0.999)


def alpha_bars(betas: Host) -> Host:
    """abar_t, the running product of 1 - beta, `(T,)` float64 (a sum of logs keeps its digits)."""
    return np.exp(np.cumsum(np.log1p(-np.asarray(betas, np.float64))))


def add_noise(x: Array, noise: Array, abar: Array) -> Array:
    """sqrt(abar) x + sqrt(1 - abar) noise: `(B, ...)`, `abar (B,)` (2006.11239, eq. 4)."""
    abar = _spread(abar, x)
    return jnp.sqrt(abar) * x + jnp.sqrt(1 - abar) * noise


def predict_start(x: Array, noise: Array, abar: Array) -> Array:
    """x_0 that x_t came from, given the noise: (x_t - sqrt(1 - abar) noise) / sqrt(abar)."""
    abar = _spread(abar, x)
    return (x - jnp.sqrt(1 - abar) * noise) / jnp.sqrt(abar)


def posterior(betas: Host, t: int) -> tuple[float, float, float]:
    """q(x_{t-1} | x_t, x_0) = N(a x_0 + b x_t, v): (a, b, v) (2006.11239, eq. 7).

    a = sqrt(abar_{t-1}) beta_t / (1 - abar_t), b = sqrt(alpha_t) (1 - abar_{t-1}) / (1 - abar_t),
    v = beta_t (1 - abar_{t-1}) / (1 - abar_t)
    """
    bars = alpha_bars(betas)
    bar, before, beta = bars[t], bars[t - 1] if t else 1.0, betas[t]
    a = np.sqrt(before) * beta / (1 - bar)
    b = np.sqrt(1 - beta) * (1 - before) / (1 - bar)
    return float(a), float(b), float(beta * (1 - before) / (1 - bar))


def ddim_coefficients(bar: Host, before: Host, eta: float) -> tuple[Host, Host, Host]:
    """x_s = a x_0 + b noise + sigma fresh (Song et al. 2020, arXiv 2010.02502, eq. 12 and 16).

    sigma = eta sqrt((1 - abar_s) / (1 - abar_t)) sqrt(1 - abar_t / abar_s), a = sqrt(abar_s), b =
    sqrt(1 - abar_s - sigma^2). With eta 1 and s = t - 1 it is the posterior of DDPM.
    """
    sigma = eta * np.sqrt((1 - before) / (1 - bar) * (1 - bar / before))
    return np.sqrt(before), np.sqrt(np.maximum(1 - before - sigma**2, 0)), sigma


def time_steps(steps: int, count: int) -> Host:
    """`count` of the time steps, evenly spread, from the last down to 0."""
    if not 1 <= count <= steps:
        raise ValueError(f"time_steps: count must lie in 1..{steps}, got {count}")
    chosen = np.round(np.linspace(0, steps - 1, count)) if count > 1 else np.array([steps - 1])
    return chosen.astype(np.int64)[::-1]


def sample(
    denoise: Denoiser,
    betas: Host,
    start: Array,
    key: Key,
    *,
    count: int,
    eta: float = 0.0,
    bound: float | None = None,
    kept: int = 0,
) -> tuple[Array, Array]:
    """From noise `start (B, ...)` to samples, `count` steps.

    `bound` keeps each estimate of x_0 in [-bound, bound] and the noise in accord with it. Returns
    the samples, and `kept` states on the way, evenly spread, `(kept, B, ...)`.
    """
    steps = time_steps(len(betas), count)
    bars = alpha_bars(betas)[steps]
    before = np.append(bars[1:], 1.0)
    a, b, sigma = ddim_coefficients(bars, before, eta)
    table = {"bar": bars, "a": a, "b": b, "sigma": sigma}
    numbers: Any = {name: jnp.asarray(value, jnp.float32) for name, value in table.items()}
    items = {**numbers, "time": jnp.asarray(steps, jnp.int32), "number": jnp.arange(count)}

    def step(carry: Any, item: Any) -> Any:
        x, seen = carry
        time = jnp.full(len(x), item["time"])
        bar = jnp.full(len(x), item["bar"])
        noise = denoise(x, time)
        first = predict_start(x, noise, bar)
        if bound is not None:
            first = jnp.clip(first, -bound, bound)
            wide = _spread(bar, x)
            noise = (x - jnp.sqrt(wide) * first) / jnp.sqrt(1 - wide)
        fresh = jax.random.normal(jax.random.fold_in(key, item["number"]), x.shape, x.dtype)
        x = item["a"] * first + item["b"] * noise + item["sigma"] * fresh
        if kept:
            place = item["number"] * kept // count  # the last state of each part stays
            seen = jax.lax.dynamic_update_index_in_dim(seen, x, place, 0)
        return (x, seen), None

    (x, seen), _ = jax.lax.scan(step, (start, jnp.zeros((kept, *start.shape), jnp.float32)), items)
    return x, seen


def guided(conditional: Denoiser, unconditional: Denoiser, weight: float) -> Denoiser:
    """(1 + w) noise(x, class) - w noise(x) (Ho & Salimans 2022, arXiv 2207.12598, eq. 6)."""

    def denoise(x: Array, time: Array) -> Array:
        return (1 + weight) * conditional(x, time) - weight * unconditional(x, time)

    return denoise if weight else conditional


def score_from_noise(noise: Array, abar: Array) -> Array:
    """The gradient of log p_t: -noise / sqrt(1 - abar), `(B, ...)`, `(B,)`."""
    return -noise / jnp.sqrt(1 - _spread(abar, noise))


def _spread(values: Array, like: Array) -> Array:
    return values.reshape(-1, *[1] * (like.ndim - 1))
