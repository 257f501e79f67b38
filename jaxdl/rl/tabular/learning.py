"""Action values learned from episodes alone: Monte Carlo, SARSA, Q-learning, as one program each.

Sutton & Barto 2018, chapters 5 and 6. Behavior is epsilon-greedy; `vmap` over keys gives many
learners at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_fraction, check_one_of, check_positive
from jaxdl.rl.environments.episodes import Episode, Transition, advance, start_episode
from jaxdl.rl.environments.grid_worlds import Grid
from jaxdl.typing import Array, Key

RULES = ("monte_carlo", "sarsa", "q_learning")


@dataclass(frozen=True)
class TabularConfig:
    """How a table of action values is learned."""

    discount: float = 0.9
    steps: int = 50_000
    """Steps in the environment."""
    epsilon: float = 0.2
    """The share of actions that are random."""
    step_size: float = 0.0
    """Of an update towards its target; 0: one over the visits of the state and action, to the power
    0.7 (slower than their harmonic series, so that early guesses are forgotten)."""

    def __post_init__(self) -> None:
        for name in ("discount", "epsilon", "step_size"):
            check_fraction(f"tabular.{name}", getattr(self, name))
        check_positive("tabular.steps", self.steps)


class Learned(NamedTuple):
    """`q` and `visits` `(S, A)`; the return of the episode that ended at each step and whether one
    did `(steps,)`."""

    q: Array
    visits: Array
    returns: Array
    ended: Array


def learn_table(world: Grid, cfg: TabularConfig, rule: str, key: Key) -> Learned:
    """The table that `rule` learns in `cfg.steps` steps."""
    check_one_of("rule", rule, RULES)
    if rule == "monte_carlo":
        if not world.time_limit:
            raise UsageError(f"monte_carlo: episodes of {world.name} have no limit")
        return _monte_carlo(world, cfg, key)
    return _temporal_difference(world, cfg, key, expected_next[rule])


def _choose(q: Array, state: Array, key: Key, epsilon: float) -> Array:
    """The best action of a state, ties at random, or any with probability `epsilon`."""
    chance, tie, drawn = jax.random.uniform(key, (3,), jnp.float32)
    row = q[state]
    best = jnp.where(chance < epsilon, jnp.ones_like(row, bool), row >= row.max())
    place = jnp.where(chance < epsilon, drawn, tie) * jnp.sum(best)  # of the best, one
    return jnp.argmax(jnp.cumsum(best) > jnp.floor(place)).astype(jnp.int32)


def _q_learning(q: Array, state: Array, action: Array) -> Array:
    return q[state].max()


def _sarsa(q: Array, state: Array, action: Array) -> Array:
    return q[state, action]


expected_next: dict[str, Callable[[Array, Array, Array], Array]] = {
    "q_learning": _q_learning,  # off-policy: the best action (Watkins 1989)
    "sarsa": _sarsa,  # on-policy: the action that is taken (Rummery & Niranjan 1994)
}


def _size(cfg: TabularConfig, visits: Array) -> Array:
    return jnp.float32(cfg.step_size) if cfg.step_size else 1 / visits**0.7


def _temporal_difference(
    world: Grid, cfg: TabularConfig, key: Key, later: Callable[[Array, Array, Array], Array]
) -> Learned:
    """q(s, a) <- q(s, a) + size (r + discount later(q, s', a') - q(s, a)), at every step."""
    shape = len(world.mdp.terminal), world.actions.count

    def one(carry: tuple[Array, Array, Episode, Array], key: Key) -> tuple:
        q, visits, episode, action = carry
        state = episode.state
        step_key, act_key = jax.random.split(key)
        episode, seen = advance(world, step_key, episode, action)
        # Of an episode that was cut off, the state that it had reached still counts.
        reached = jnp.argmax(seen.next_observation)
        visits = visits.at[state, action].add(1)
        following = _choose(q, jnp.where(seen.ended, episode.state, reached), act_key, cfg.epsilon)
        ahead = jnp.where(seen.terminated, 0, later(q, reached, following))
        error = seen.reward + cfg.discount * ahead - q[state, action]
        q = q.at[state, action].add(_size(cfg, visits[state, action]) * error)
        return (q, visits, episode, following), (seen.episode_return, seen.ended)

    start, first, run = jax.random.split(key, 3)
    episode = start_episode(world, start)
    q = jnp.zeros(shape)
    carry = q, jnp.zeros(shape), episode, _choose(q, episode.state, first, cfg.epsilon)
    (q, visits, *_), (returns, ended) = jax.lax.scan(one, carry, jax.random.split(run, cfg.steps))
    return Learned(q, visits, returns, ended)


def _monte_carlo(world: Grid, cfg: TabularConfig, key: Key) -> Learned:
    """Every-visit Monte Carlo control: q moves towards the return that followed.

    An episode that its limit cut off teaches nothing, as its returns are not known.
    """
    shape, limit = (len(world.mdp.terminal), world.actions.count), world.time_limit
    total = cfg.steps + limit  # the last episode may be under way

    def one(carry: tuple) -> tuple:
        q, visits, key, time, returns, ended = carry
        key, own = jax.random.split(key)
        history, length, seen = _play(world, q, own, cfg.epsilon)
        learned = _learn_backwards(cfg, q, visits, history, length)
        kept = [jnp.where(seen.terminated, a, b) for a, b in zip(learned, (q, visits), strict=True)]
        time = time + length
        returns = returns.at[time - 1].set(seen.episode_return)
        return *kept, key, time, returns, ended.at[time - 1].set(True)

    q, nothing = jnp.zeros(shape), jnp.zeros(total)
    start = (q, q, key, jnp.int32(0), nothing, nothing > 0)
    q, visits, _, _, returns, ended = jax.lax.while_loop(lambda c: c[3] < cfg.steps, one, start)
    return Learned(q, visits, returns, ended)


def _play(world: Grid, q: Array, key: Key, epsilon: float) -> tuple[Array, Array, Transition]:
    """One episode: state, action, reward of each step `(limit, 3)`; its length; its last step."""

    def one(carry: tuple) -> tuple:
        episode, history, length, _ = carry
        act_key, step_key = jax.random.split(jax.random.fold_in(key, length))
        action = _choose(q, episode.state, act_key, epsilon)
        row = jnp.stack([jnp.float32(episode.state), jnp.float32(action)])
        episode, seen = advance(world, step_key, episode, action)
        history = history.at[length].set(jnp.append(row, seen.reward))
        return episode, history, length + 1, seen

    episode = start_episode(world, key)
    shapes = jax.eval_shape(lambda e: advance(world, key, e, jnp.int32(0))[1], episode)
    unseen = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    carry = episode, jnp.zeros((world.time_limit, 3)), jnp.int32(0), unseen
    return jax.lax.while_loop(lambda c: ~c[3].ended, one, carry)[1:]


def _learn_backwards(
    cfg: TabularConfig, q: Array, visits: Array, history: Array, length: Array
) -> tuple[Array, Array]:
    """(q, visits) after the episode, from its last step to its first."""

    def one(i: Array, carry: tuple) -> tuple:
        q, visits, later = carry
        row = history[length - 1 - i]
        state, action = jnp.int32(row[0]), jnp.int32(row[1])
        later = row[2] + cfg.discount * later
        visits = visits.at[state, action].add(1)
        change = _size(cfg, visits[state, action]) * (later - q[state, action])
        return q.at[state, action].add(change), visits, later

    return jax.lax.fori_loop(0, length, one, (q, visits, jnp.float32(0)))[:2]
