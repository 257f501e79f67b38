"""An environment tried out before anything is trained on it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError
from jaxdl.rl.environments.environment import Environment
from jaxdl.rl.environments.episodes import random_action, random_rollout
from jaxdl.typing import Host

STEPS, COUNT = 200, 4


def check_environment(environment: Environment) -> None:
    """Raises DataError, naming environment and step, where training could not go well.

    Shapes and types of states, observation, reward and end; then `STEPS` random actions in `COUNT`
    environments: numbers that are not finite, and episodes that all end with their first step.
    """
    _check_shapes(environment)
    who = f"environment {environment.name}"
    run = jax.jit(lambda key: random_rollout(environment, key, count=COUNT, steps=STEPS)[1])
    seen = jax.device_get(run(jax.random.key(0)))
    if not np.isfinite(seen.observation[0]).all():
        raise DataError(f"{who}: the first observation (reset) is not finite")
    for name, values in (("reward", seen.reward), ("observation", seen.next_observation)):
        bad = _first(~np.isfinite(values))
        if bad is not None:
            raise DataError(f"{who}: the {name} is not finite at step {bad} of random actions")
    lengths = seen.episode_steps[seen.terminated | seen.truncated]
    if len(lengths) and lengths.max() == 1 and environment.time_limit != 1:
        raise DataError(
            f"{who}: all {len(lengths)} episodes of random actions end at step 1; check what "
            "step(...) gives as terminated"
        )


def _check_shapes(environment: Environment) -> None:
    who = f"environment {environment.name}"
    key = jax.random.key(0)
    try:
        state = jax.eval_shape(environment.reset, key)
        action = jax.eval_shape(lambda k: random_action(environment, k), key)
        after, reward, terminated = jax.eval_shape(environment.step, key, state, action)
        first, later = (jax.eval_shape(environment.observe, s) for s in (state, after))
    except Exception as error:
        raise DataError(
            f"{who}: reset, step and observe must be traceable by jax, without side effects "
            f"({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    if _kinds(state) != _kinds(after):
        raise DataError(
            f"{who}: step must give a state as reset does, {_kinds(state)}; got {_kinds(after)} "
            "at step 1"
        )
    if _kinds(first) != _kinds(later):
        raise DataError(
            f"{who}: observations must all be {_kinds(first)}; got {_kinds(later)} at step 1"
        )
    if first.dtype not in (jnp.float32, jnp.bool_) or len(first.shape) not in (1, 3):
        raise DataError(
            f"{who}: observe must give (N,) float32 or (H, W, C) bool or float32; got "
            f"{_kinds(first)}"
        )
    for name, value in (("reward", reward), ("terminated", terminated)):
        if value.shape != ():
            raise DataError(f"{who}: {name} must be a scalar; got {value.shape} at step 1")


def _kinds(tree: Any) -> str:
    return str(jax.tree.map(lambda x: f"{x.dtype}{list(x.shape)}", tree)).replace("'", "")


def _first(bad: Host) -> int | None:
    """The first step `(T, ...)` that has a True, counted from 1."""
    steps = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    return int(steps[0]) + 1 if len(steps) else None
