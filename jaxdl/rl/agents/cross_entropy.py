"""Search for a sequence of actions by the cross-entropy method."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_at_least
from jaxdl.rl.environments.environment import Box, Discrete
from jaxdl.typing import Array, Key, Tree


@dataclass(frozen=True)
class SearchConfig:
    """How long plans are, and how many are tried."""

    horizon: int = 20
    """Actions of a plan."""
    samples: int = 64
    """Plans that an iteration tries."""
    elites: int = 8
    """The best of them, to which the distribution is fitted."""
    iterations: int = 3

    def __post_init__(self) -> None:
        for name in ("horizon", "elites", "iterations"):
            check_at_least(f"agent.search.{name}", getattr(self, name), 1)
        if self.elites >= self.samples:
            raise UsageError(
                f"agent.search.elites must be fewer than agent.search.samples, "
                f"{self.samples}; got {self.elites}"
            )


def search(
    value: Callable[[Array], Array], actions: Discrete | Box, key: Key, cfg: SearchConfig
) -> Array:
    """The best plan `(H,)` or `(H, size)` of all that were tried, by `value(plans (n, ...))`.

    Rubinstein & Kroese 2004 (The Cross-Entropy Method). Actions of different times are
    independent: probabilities of discrete ones (one elite is shared among all actions, so that
    none dies out), mean and deviation of others, which start from the middle and half the range.
    Every iteration tries the distribution's own best guess, too.
    """
    draw, fit, first = (
        _categorical(actions, cfg) if isinstance(actions, Discrete) else _gaussian(actions, cfg)
    )

    def one(carry: tuple, key: Key) -> tuple:
        spread, best, worth = carry
        plans = draw(spread, key)
        top, places = jax.lax.top_k(value(plans), cfg.elites)
        elites = plans[places]
        better = top[0] > worth
        best, worth = jnp.where(better, elites[0], best), jnp.where(better, top[0], worth)
        return (fit(elites), best, worth), None

    guess = draw(first, key)[0]
    keys = jax.random.split(key, cfg.iterations)
    return jax.lax.scan(one, (first, guess, jnp.float32(-jnp.inf)), keys)[0][1]


def _categorical(actions: Discrete, cfg: SearchConfig) -> tuple[Callable, Callable, Tree]:
    def draw(chances: Array, key: Key) -> Array:
        shape = cfg.samples, cfg.horizon
        plans = jax.random.categorical(key, jnp.log(chances), shape=shape)
        return plans.at[0].set(chances.argmax(axis=1)).astype(jnp.int32)

    def fit(elites: Array) -> Array:
        count = jax.nn.one_hot(elites, actions.count).sum(axis=0)
        return (count + 1 / actions.count) / (cfg.elites + 1)

    return draw, fit, jnp.full((cfg.horizon, actions.count), 1 / actions.count)


def _gaussian(actions: Box, cfg: SearchConfig) -> tuple[Callable, Callable, Tree]:
    def draw(spread: tuple[Array, Array], key: Key) -> Array:
        mean, deviation = spread
        noise = jax.random.normal(key, (cfg.samples, *mean.shape)).at[0].set(0)
        return jnp.clip(mean[None] + deviation[None] * noise, actions.low, actions.high)

    def fit(elites: Array) -> tuple[Array, Array]:
        return elites.mean(axis=0), elites.std(axis=0)

    middle, half = (actions.high + actions.low) / 2, (actions.high - actions.low) / 2
    shape = cfg.horizon, actions.size
    return draw, fit, (jnp.full(shape, middle), jnp.full(shape, half))
