"""Losses of reinforcement learning, one value per transition; targets carry no gradient."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.typing import Array


def q_targets(
    reward: Array,
    terminated: Array,
    next_q: Array,
    *,
    discount: float,
    chosen_by: Array | None = None,
) -> Array:
    """r + discount Q(s', a*) where s' is no end, else r: `(B,)`.

    Args: `reward` `(B,)`; `terminated` `(B,)` bool, not where a time limit cut the episode off;
    `next_q` `(B, A)` of the target network. a* is its best action (Mnih et al. 2015), or, double
    Q-learning (van Hasselt et al. 2016, arXiv 1509.06461), that of `chosen_by` `(B, A)`, the
    learning network's.
    """
    check_rank("q_targets: next_q", next_q, 2)
    chosen = next_q if chosen_by is None else chosen_by
    best = jnp.take_along_axis(next_q, jnp.argmax(chosen, axis=1, keepdims=True), axis=1)[:, 0]
    check_same_shape("q_targets: reward, terminated", reward, terminated)
    check_same_shape("q_targets: reward, best next_q", reward, best)
    return jax.lax.stop_gradient(reward + discount * jnp.where(terminated, 0, best))


def huber(error: Array, *, delta: float = 1.0) -> Array:
    """error^2 / 2 up to `delta`, beyond it delta (|error| - delta / 2): `(B,)` -> `(B,)`."""
    check_positive("huber: delta", delta)
    size = jnp.abs(error)
    inside = jnp.minimum(size, delta)
    return 0.5 * inside**2 + delta * (size - inside)


def policy_gradient(log_prob: Array, advantage: Array) -> Array:
    """-log pi(a | s) A, whose gradient is REINFORCE's (Williams 1992): `(B,)` -> `(B,)`."""
    check_same_shape("policy_gradient: log_prob, advantage", log_prob, advantage)
    return -log_prob * jax.lax.stop_gradient(advantage)


def clipped_surrogate(
    log_prob: Array, old_log_prob: Array, advantage: Array, *, clip: float = 0.2
) -> Array:
    """-min(r A, clip(r, 1 - clip, 1 + clip) A), r = pi / pi_old (Schulman et al. 2017,
    arXiv 1707.06347, eq. 7): `(B,)` -> `(B,)`."""
    check_same_shape("clipped_surrogate: log_prob, old_log_prob", log_prob, old_log_prob)
    check_same_shape("clipped_surrogate: log_prob, advantage", log_prob, advantage)
    check_positive("clipped_surrogate: clip", clip)
    ratio = jnp.exp(log_prob - jax.lax.stop_gradient(old_log_prob))
    advantage = jax.lax.stop_gradient(advantage)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)
