"""The words that signatures are written in."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy.typing as npt

Array = jax.Array
ArrayLike = jax.Array | npt.NDArray[Any]
Host = npt.NDArray[Any]  # NumPy: data before it meets a device
Key = jax.Array  # a typed key of `jax.random.key`
Tree = Any  # a pytree of arrays
Batch = Mapping[str, Any]  # name -> array whose first axis is the row
Pair = tuple[Any, Any]  # (sum, count): adds up over batches and devices
Pairs = Mapping[str, Pair]
Numbers = dict[str, float]
Window = int | tuple[int, int]
ModuleDef = Callable[..., Any]  # a Linen module class or a partial of one
Prepare = Callable[[Key, Batch, bool], Batch]  # (keys (B,), batch, train) -> batch
LossFn = Callable[[Tree, Tree, Batch, Key], tuple[Array, tuple[Tree, Pairs]]]

AXIS = "device"  # the named axis of the devices that share a batch
