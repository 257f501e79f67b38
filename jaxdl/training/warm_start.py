"""A training that starts from given variables in place of random ones."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Key, Tree


def with_variables(state: TrainState, taken: Mapping[str, Any]) -> TrainState:
    """`state` with the variables of these paths replaced; averaged parameters follow."""
    flat: Any = flax.traverse_util.flatten_dict({"params": state.params, **state.extra}, sep="/")
    flat |= {name: jnp.asarray(value) for name, value in taken.items()}
    extra: Any = flax.traverse_util.unflatten_dict(flat, sep="/")
    params = extra.pop("params")
    ema = jax.tree.map(jnp.copy, params) if state.ema else {}
    return state.replace(params=params, extra=extra, ema=ema)


def started_from(task: Task, variables: Tree) -> Callable[[Key], TrainState]:
    """The `init` of a training of `task` that goes on from these variables."""
    host = jax.tree.map(np.asarray, variables)
    flat: Any = flax.traverse_util.flatten_dict(host, sep="/")
    return lambda key: with_variables(task.init(key), flat)
