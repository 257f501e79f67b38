"""A memory of transitions on the device: the newest so many, of every environment and learner."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from jaxdl.checks import UsageError
from jaxdl.rl.environments.episodes import Transition
from jaxdl.rl.learner_keys import learner_keys
from jaxdl.typing import Array, Key


class Experience(NamedTuple):
    """What is learned from: a whole transition, so that no sample can join two episodes."""

    observation: Array
    action: Array
    reward: Array
    next_observation: Array
    terminated: Array


class Replay(struct.PyTreeNode):
    """A ring of `rows` `(N, S, size, ...)`: N environments of S learners; `written` `(N,)` counts
    the rows that each was given, the same for all."""

    rows: Experience
    written: Array

    @property
    def size(self) -> int:
        """Rows that the ring holds of each environment."""
        return self.rows.reward.shape[2]


def experience(seen: Transition) -> Experience:
    """The parts of a transition that are kept."""
    return Experience(
        seen.observation, seen.action, seen.reward, seen.next_observation, seen.terminated
    )


def empty_replay(example: Experience, size: int, *, block: int) -> Replay:
    """A ring for rows like `example`, whose leaves are `(N, S, ...)`, written `block` at a time.

    Raises UsageError where the ring does not hold a whole number of blocks, two at least.
    """
    if size % block or size < 2 * block:
        raise UsageError(
            f"agent.replay must hold whole blocks of {block} steps, two at least, per environment; "
            f"got {size}"
        )

    def ring(x: Array) -> Array:
        return jnp.zeros((*x.shape[:2], size, *x.shape[2:]), x.dtype)

    count = example.reward.shape[0]
    return Replay(jax.tree.map(ring, example), jnp.zeros(count, jnp.int32))


def write(replay: Replay, rows: Experience) -> Replay:
    """With `rows` `(T, N, S, ...)`, a block of steps, in the place of the oldest."""
    slot = replay.written[0] % replay.size

    def put(ring: Array, x: Array) -> Array:
        return jax.lax.dynamic_update_slice_in_dim(ring, jnp.moveaxis(x, 0, 2), slot, axis=2)

    stored = jax.tree.map(put, replay.rows, rows)
    return Replay(stored, replay.written + len(rows.reward))


def sample(replay: Replay, key: Key, batch: int, *, block: int) -> Experience:
    """`batch` rows for each learner, uniform over its environments and the rows kept: `(S, batch)`.

    The block that is written next is left out: what a step wrote that did not count (see
    `keep_if_finite`) is never seen.
    """
    count, learners = replay.rows.reward.shape[:2]
    kept = jnp.minimum(replay.written[0], replay.size - block)

    def places(key: Key) -> tuple[Array, Array]:
        age_key, place_key = jax.random.split(key)
        age = jax.random.randint(age_key, (batch,), 0, jnp.maximum(kept, 1))
        return age, jax.random.randint(place_key, (batch,), 0, count)

    age, place = jax.vmap(places)(learner_keys(key, learners))
    slot = (replay.written[0] - 1 - age) % replay.size
    learner = jnp.broadcast_to(jnp.arange(learners)[:, None], age.shape)
    return jax.tree.map(lambda ring: ring[place, learner, slot], replay.rows)
