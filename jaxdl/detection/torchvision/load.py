"""The weights of torchvision's detectors from files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError, unknown
from jaxdl.detection.detector import Detections
from jaxdl.detection.torchvision.pictures import to_full_size
from jaxdl.detection.torchvision.registry import DETECTORS, Published
from jaxdl.models.weights.unwrap import unwrap
from jaxdl.models.weights.weight_file import read_weights
from jaxdl.models.weights.weight_rules import from_torch, widen
from jaxdl.typing import Host, Tree

COUNTER = "num_batches_tracked"


@dataclass(frozen=True, eq=False)
class LoadedDetector:
    """One of torchvision's detectors with its weights."""

    name: str
    published: Published
    model: Any
    variables: Tree
    num_classes: int  # the background counts
    said: tuple[str, ...] = ()  # what was done to the file on the way

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels: those of published weights where there are as many."""
        if self.num_classes == len(self.published.names):
            return self.published.names
        return ("background", *(f"class {i}" for i in range(1, self.num_classes)))

    def __call__(self, images: list[Host]) -> Detections:
        """What is found in uint8 pictures `(H, W, 3)`, in their own pixels, on the host."""
        pictures = self.published.pictures(images)
        found = self._program(self.variables, pictures.images, pictures.sizes)
        return to_full_size(jax.tree.map(np.asarray, found), pictures)

    @cached_property
    def _program(self) -> Callable[..., Detections]:
        return jax.jit(partial(self.published.detect, self.model))


def find_detector(name: str) -> Published:
    """The detector of that name. Raises UsageError, with the nearest ones, where there is none."""
    if name not in DETECTORS:
        raise unknown("detector", name, DETECTORS)
    return DETECTORS[name]


def load_detector(path: str | Path, name: str) -> LoadedDetector:
    """The detector `name` with the weights of a state dict of torchvision's, .pth or .safetensors.

    Raises CheckpointError with every name that is missing, unused or misshapen.
    """
    published, path = find_detector(name), Path(path)
    arrays, opened = unwrap(read_weights(path), who=f"weights {path}")
    arrays, done = widen(arrays)
    classes = count_classes(published, arrays, path, name)
    counted = any(key.endswith(COUNTER) for key in arrays)
    model = published.build(classes, **({"eps": 1e-5} if published.frozen and counted else {}))
    who = f"{path} as torchvision's {name}"
    like = variable_shapes(published, model)
    variables = from_torch(published.rules(model), arrays, like, who=who)
    return LoadedDetector(name, published, model, variables, classes, (*opened, *done))


def count_classes(published: Published, arrays: Mapping[str, Host], path: Path, name: str) -> int:
    """How many classes the file has, the background included.

    Raises CheckpointError where it has none, and so is no such detector's.
    """
    rows = arrays.get(published.class_bias)
    if rows is None or rows.ndim != 1 or not len(rows) or len(rows) % published.rows_per_class:
        got = "is not there" if rows is None else f"has shape {rows.shape}"
        raise CheckpointError(
            f"weights {path}: not those of torchvision's {name}: {published.class_bias}, "
            f"{published.rows_per_class} numbers for each class, {got}"
        )
    return len(rows) // published.rows_per_class


def variable_shapes(published: Published, model: Any) -> Tree:
    """The variables of a detector as shapes, which only a fixed size of pictures may decide."""
    height, width = published.pictures.fixed or (64, 64)
    x = jax.ShapeDtypeStruct((1, height, width, 3), jnp.float32)
    return jax.eval_shape(partial(model.init, train=False), jax.eval_shape(jax.random.key, 0), x)
