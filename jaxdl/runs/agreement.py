"""What the processes of one run must have alike: each decides for itself, by the same numbers."""

import hashlib
import json
from typing import Any

import numpy as np
from jax.experimental import multihost_utils

from jaxdl.checks import UsageError
from jaxdl.runs.checkpoint import flatten, unflatten
from jaxdl.runs.processes import count, is_first
from jaxdl.typing import Tree


def check_same(what: str, value: Any) -> None:
    """Raises UsageError, in every process, unless all have the same plain `value` as `what`."""
    if count() == 1:
        return
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    told = multihost_utils.process_allgather(np.frombuffer(digest, np.int32))
    others = [str(i) for i, words in enumerate(told) if (words != told[0]).any()]
    if others:
        raise UsageError(f"process {', '.join(others)} has another {what} than process 0")


def agree(steps: int, signum: int | None) -> tuple[int, int | None]:
    """(the first process's `steps`, any process's `signum`), for all the same."""
    if count() == 1:
        return steps, signum
    told = multihost_utils.process_allgather(np.array([steps, signum or 0], np.int32))
    return int(told[0, 0]), int(told[:, 1].max()) or None


def of_first(value: bytes) -> bytes:
    """The `value` of the first process, for all; those of the others are not looked at."""
    if count() == 1:
        return value
    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(value))))
    words = np.zeros(length, np.uint8)
    if is_first():
        words[:] = np.frombuffer(value, np.uint8)
    return multihost_utils.broadcast_one_to_all(words).astype(np.uint8).tobytes()


def plain_of_first(value: Any) -> Any:
    """As `of_first`, for what JSON can hold."""
    return value if count() == 1 else json.loads(of_first(json.dumps(value).encode()))


def state_of_first(state: Tree) -> Tree:
    """The first process's `state`, for all, which have one of the same structure."""
    if count() == 1:
        return state
    arrays, start = flatten(state), 0
    words = of_first(b"".join(value.tobytes() for value in arrays.values()))
    for name, value in arrays.items():
        flat = np.frombuffer(words, value.dtype, value.size, start)
        arrays[name], start = flat.reshape(value.shape), start + value.nbytes
    return unflatten(state, arrays)
