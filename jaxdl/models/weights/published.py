"""Published weights as ours and back; our own weight files, each with its model and preprocessing.

weights = import_weights(Path("resnet50.pth"), "resnet50")
logits = weights.model().apply(weights.variables, weights.preprocessing(images), train=False)
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.models.registry import create_model
from jaxdl.models.weights.preprocessing import Preprocessing, published_preprocessing
from jaxdl.models.weights.rule_sets import SOURCES, find_source, rules_for
from jaxdl.models.weights.soundness import check_sound
from jaxdl.models.weights.weight_file import (
    PICKLES,
    read_metadata,
    read_weights,
    write_pickle,
    write_safetensors,
)
from jaxdl.models.weights.weight_rules import count_classes, from_torch, to_torch
from jaxdl.typing import Tree

HEADER = "jaxdl"  # the name of our entry in a file's metadata


@dataclass(frozen=True)
class Weights:
    """Variables of a registered model, with all that is needed to use them."""

    name: str
    num_classes: int
    variables: Tree
    preprocessing: Preprocessing
    source: str  # the library that they come from
    options: Mapping[str, Any] = field(default_factory=dict)  # of the model

    def model(self) -> Any:
        """The Linen module."""
        return create_model(self.name, self.num_classes, **self.options)


def import_weights(
    path: Path,
    name: str,
    *,
    source: str | None = None,
    num_classes: int | None = None,
    change: Mapping[str, Any] | None = None,
    cast: bool = False,
    **options: Any,
) -> Weights:
    """The weights of a torchvision or timm file for the registered model `name`.

    Without `source` and `num_classes` the file tells them. `change` replaces fields of the
    published preprocessing; `cast` turns other floats into float32. Raises CheckpointError with
    every name that is missing, unused or misshapen.
    """
    arrays = read_weights(path)
    probe = create_model(name, 1000, **options)
    source = source or find_source(probe, list(arrays), variable_shapes(probe, Preprocessing.size))
    rules = rules_for(probe, source)
    classes = num_classes or count_classes(rules, arrays, who=str(path))
    published = published_preprocessing(source, _family(probe, source))
    preprocessing = dataclasses.replace(published, **(change or {}))
    like = variable_shapes(create_model(name, classes, **options), preprocessing.size)
    variables = from_torch(rules, arrays, like, who=f"{path} as {source}'s {name}", cast=cast)
    return Weights(name, classes, variables, preprocessing, source, options)


def export_weights(path: Path, weights: Weights, *, source: str | None = None) -> None:
    """Writes the weights under the names of `source`, as safetensors or, by its ending, as .pth."""
    arrays = to_torch(rules_for(weights.model(), source or weights.source), weights.variables)
    write = write_pickle if path.suffix in PICKLES else write_safetensors
    write(path, arrays)


def save_weights(path: Path, weights: Weights) -> None:
    """Our own file: safetensors with our names; model, options and preprocessing in its header."""
    flat: Any = flax.traverse_util.flatten_dict(weights.variables, sep="/")
    facts = {
        "model": weights.name,
        "num_classes": weights.num_classes,
        "options": dict(weights.options),
        "source": weights.source,
        "preprocessing": dataclasses.asdict(weights.preprocessing),
    }
    arrays = {name: np.asarray(value) for name, value in flat.items()}
    write_safetensors(path, arrays, {HEADER: json.dumps(facts)})


def load_weights(path: Path) -> Weights:
    """What `save_weights` wrote.

    Raises CheckpointError where the file does not fit its model, is not finite or has a negative
    variance.
    """
    facts, arrays = read_facts(path), read_weights(path)
    check_sound(str(path), arrays, {name for name in arrays if name.endswith("/var")})
    weights = Weights(
        facts["model"],
        facts["num_classes"],
        flax.traverse_util.unflatten_dict(arrays, sep="/"),
        Preprocessing(**{k: _tuple(v) for k, v in facts["preprocessing"].items()}),
        facts["source"],
        {k: _tuple(v) for k, v in facts["options"].items()},
    )
    like = variable_shapes(weights.model(), weights.preprocessing.size)
    if _described(like) != _described(weights.variables):
        differing = sorted(_described(like) ^ _described(weights.variables))[:10]
        raise CheckpointError(f"{path} does not fit {weights.name}:\n  " + "\n  ".join(differing))
    return weights


def read_facts(path: Path) -> dict[str, Any]:
    """The header of our own file. Raises CheckpointError where there is none."""
    if not path.is_file():
        raise CheckpointError(f"{path}: cannot be read (there is no such file)")
    header = read_metadata(path).get(HEADER)
    if header is None:
        raise CheckpointError(
            f"{path}: not a weight file of jaxdl; make one of a published file with "
            f"`jaxdl weights import {path} --model NAME`"
        )
    return json.loads(header)


def variable_shapes(model: Any, size: int) -> Tree:
    """The model's variables as shapes, for images `(size, size, 3)`."""
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    return jax.eval_shape(partial(model.init, train=False), jax.eval_shape(jax.random.key, 0), x)


def _family(model: Any, source: str) -> str:
    return next(cls.__name__ for cls in type(model).__mro__ if cls in SOURCES[source])


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _described(variables: Tree) -> set[str]:
    flat: Any = flax.traverse_util.flatten_dict(variables, sep="/")
    return {f"{name} {leaf.dtype}{tuple(leaf.shape)}" for name, leaf in flat.items()}
