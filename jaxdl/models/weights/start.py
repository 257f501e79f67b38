"""A model that starts from a weight file: its `init` gives the variables of the file."""

import functools
from dataclasses import dataclass, field
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.models.named import make_model
from jaxdl.models.weights.published import Weights, open_weights, variable_shapes
from jaxdl.models.weights.weights_folder import find_weights
from jaxdl.say import say_once
from jaxdl.typing import Host

Keys = tuple[str, ...]


@dataclass(frozen=True, eq=False)  # each its own: arrays have no hash
class Start:
    """Variables by their paths, and the file that they are of."""

    file: str
    arrays: dict[Keys, Host] = field(repr=False)

    def fill(self, module: nn.Module) -> None:
        """Puts the arrays in place of what `module`, which is being initialized, has drawn.

        Raises CheckpointError where one does not fit.
        """
        flat: Any = flax.traverse_util.flatten_dict(module.variables)
        for path, array in self.arrays.items():
            drawn = flat.get(path)
            if drawn is None or drawn.shape != array.shape:
                here = "absent" if drawn is None else drawn.shape
                raise CheckpointError(
                    f"weights {self.file}: {'/'.join(path)} is {array.shape} there and {here} in "
                    f"this {type(module).__name__}; give images of the size that they are of"
                )
            flat[path] = jnp.asarray(array, drawn.dtype)
        for collection, tree in flax.traverse_util.unflatten_dict(flat).items():
            for name, value in tree.items():
                module.put_variable(collection, name, value)


def pretrained_model(name: str, given: str, num_classes: int | None, **options: Any) -> nn.Module:
    """The model `name` that starts from the weights `given`; see `create_model`."""
    path = find_weights(given)
    weights = open_weights(path, name, **options)
    classes = weights.num_classes if num_classes is None else num_classes
    model = make_model(name, classes, **weights.options)
    arrays: Any = flax.traverse_util.flatten_dict(weights.variables)
    fitting = {k: arrays[k] for k in arrays.keys() - _of_classes(weights, model)}
    left = sorted({"/".join(path[1:-1]) for path in arrays.keys() - fitting.keys()})
    chosen = [f"{k} = {v}" for k, v in weights.options.items() if options.get(k, "auto") == "auto"]
    said = [
        f"{len(fitting)} arrays of {weights.source}'s {name}",
        *weights.said,
        *[f"{option}, as it was trained" for option in chosen],
        *[f"{', '.join(left)} left out ({weights.num_classes} classes there, {classes} here)"]
        * bool(left),
    ]
    say_once(f"weights {path}: {'; '.join(said)}")
    return _class_with_start(type(model))(**_fields(model), pretrained=Start(str(path), fitting))


def folded_norms(model: Any, inside: str = "") -> tuple[str, ...]:
    """Patterns of the parameters of batch norms that must stay as they are in training.

    Those are the norms of a `model` from a file that has their statistics in its kernels: their
    mean is 0 everywhere, which says nothing of the values that they meet. `inside`: what the model
    is called within another one.
    """
    start: Start | None = getattr(model, "pretrained", None)
    means = {
        path[1:-1]: value
        for path, value in (start.arrays if start else {}).items()
        if path[0] == "batch_stats" and path[-1] == "mean"
    }
    folded = [path for path, mean in means.items() if not np.any(mean)]
    return tuple("/".join((*((inside,) if inside else ()), *path, "*")) for path in folded)


def _of_classes(weights: Weights, model: nn.Module) -> set[Keys]:
    """The variables that depend on the number of classes, which differs between the two."""
    there, here = (
        flax.traverse_util.flatten_dict(variable_shapes(m, weights.preprocessing.size))
        for m in (weights.model(), model)
    )
    return {k for k, leaf in there.items() if k not in here or here[k].shape != leaf.shape}  # pyright: ignore


def _fields(model: nn.Module) -> dict[str, Any]:
    fields = (field.name for field in model.__dataclass_fields__.values() if field.init)
    return {name: getattr(model, name) for name in fields if name not in ("parent", "name")}


@functools.cache
def _class_with_start(cls: Any) -> Any:
    """`cls`, a module, with a field `pretrained` that fills what is initialized."""

    class Started(cls):
        pretrained: Start | None = None

        @functools.wraps(cls.__call__)
        def __call__(self, *args: Any, **options: Any) -> Any:
            out = super().__call__(*args, **options)
            if self.is_initializing() and self.pretrained is not None:
                self.pretrained.fill(self)
            return out

    Started.__name__, Started.__qualname__ = cls.__name__, cls.__qualname__
    return Started
