"""A text encoder that starts from vectors of words that were learned elsewhere."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.data.tables.word_vectors import WordVectors
from jaxdl.say import say_once
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Host, Key

TABLE = ("text_encoder", "words", "embed", "table")


def with_word_vectors(task: Task, vectors: WordVectors) -> Task:
    """`task`, a CLIP's, whose words start as their `vectors`, those that have one.

    They are scaled as a whole to the variance of the random start, 1 / D. Raises UsageError where
    the encoder has words of another width.
    """
    words = task.splits["train"].vocabulary
    known = np.array([word in vectors.place for word in words])
    width = vectors.vectors.shape[1]
    table = np.zeros((len(words), width), np.float32)
    table[known] = vectors.of([word for word in words if word in vectors.place])
    table /= np.sqrt(width * np.mean(table[known] ** 2)) if known.any() else 1
    say_once(f"{known.sum()} of {len(words)} words start from their vectors")

    def init(key: Key) -> TrainState:
        state = task.init(key)
        return state.replace(params=_replaced(state.params, TABLE, table, known))

    return dataclasses.replace(task, init=init)


def _replaced(tree: Any, path: tuple[str, ...], table: Host, known: Host) -> Any:
    """`tree` with rows of the array at `path` taken from `table` where they are `known`."""
    if path:
        return {**tree, path[0]: _replaced(tree[path[0]], path[1:], table, known)}
    if jnp.shape(tree) != table.shape:
        raise UsageError(
            f"text.vectors have {table.shape[1]} numbers a word, the encoder has "
            f"{jnp.shape(tree)[1]}; set text.word_width to {table.shape[1]}"
        )
    return jnp.where(jnp.asarray(known)[:, None], jnp.asarray(table), tree)
