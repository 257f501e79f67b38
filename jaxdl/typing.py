"""The words that signatures are written in."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

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
LossOutput = tuple[Array, tuple[Tree, Pairs]]  # (scalar, (extra, metrics))
LossFn = Callable[[Tree, Tree, Batch, Key], LossOutput]

REGULARIZER = "regularizer"
# Of a config: a term of the loss that works against fitting the training rows; 0 switches it off
Regularizer = Annotated[float, REGULARIZER]

AXIS = "device"  # the named axis of the devices that share a batch


class Prepare(Protocol):
    """uint8 rows of a batch, and keys `(B,)` one for each, -> what the model and loss are given."""

    def __call__(self, keys: Key, batch: Batch, *, train: bool) -> Batch: ...
