"""`jaxdl bench rl`: how many steps a second environments make under random actions."""

import statistics
import time
from functools import partial

import jax

from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import random_rollout

COUNTS = (1, 16, 256, 1024, 4096)
TOTAL = 2_000_000  # steps of a timed call, at most
LONGEST = 20_000  # of one environment


def steps_per_second(environment: Environment, count: int, *, rounds: int) -> float:
    """The median of `rounds` calls: `count` environments, random actions, resets included."""
    steps = max(1, min(LONGEST, TOTAL // count))

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        seen = random_rollout(environment, key, count=count, steps=steps)[1]
        return seen.reward.sum(), seen.next_observation.sum()

    program = jax.jit(run).lower(jax.random.key(0)).compile()
    jax.block_until_ready(program(jax.random.key(0)))
    rates = []
    for i in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(program(jax.random.key(i)))
        rates.append(count * steps / (time.perf_counter() - began))
    return statistics.median(rates)


def bench_environments(*, rounds: int, counts: tuple[int, ...] = COUNTS) -> str:
    """A line for each number of CartPoles side by side."""
    rate = partial(steps_per_second, CartPole(), rounds=rounds)
    lines = [f"{count:>6,} environments  {rate(count):>12,.0f} steps/s" for count in counts]
    return "\n".join(["CartPole, random actions, automatic reset", *lines])
