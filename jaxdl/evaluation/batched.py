"""A jitted program over many rows, by parts of one shape."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxdl.typing import Host


def apply_in_batches(call: Callable[[Host], Any], count: int, size: int) -> Any:
    """What `call(row numbers (size,))` gives for rows 0 .. `count` - 1, joined on the host.

    The last part is filled up with the last row, so that a program is compiled once.
    """
    parts = []
    for first in range(0, count, size):
        rows = np.minimum(np.arange(first, first + size), count - 1)
        parts.append(jax.device_get(call(rows)))
    return jax.tree.map(lambda *part: np.concatenate(part)[:count], *parts)
