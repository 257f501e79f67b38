"""A published network, with its classes and how pictures become what it is given."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.interpret.network import Network
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.models.weights.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from jaxdl.models.weights.published import open_weights
from jaxdl.models.weights.weights_folder import find_weights
from jaxdl.say import say_once
from jaxdl.training.prepare_images import normalize
from jaxdl.typing import Array, Host

CLASSES = 1000  # of a network without weights


@dataclass(frozen=True)
class Pixels:
    """Pictures in [0, 1] and the values that a network is given, (x - mean) / std."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def values(self, pictures: Host | Array) -> Array:
        """`(B, H, W, C)` in [0, 1], or uint8, -> float32 values."""
        x = jnp.asarray(pictures)
        return normalize(x / 255 if x.dtype == jnp.uint8 else x, self.mean, self.std)

    def pictures(self, values: Array) -> Host:
        """Values -> `(B, H, W, C)` in [0, 1]; what lies outside is cut off."""
        return np.clip(np.asarray(values) * np.array(self.std) + np.array(self.mean), 0, 1)

    def clip(self, values: Array) -> Array:
        """The nearest values that a picture can have."""
        one = np.ones((1,) * (values.ndim - 1) + (3,))
        return jnp.clip(values, self.values(0 * one), self.values(one))


class Opened(NamedTuple):
    """A network and what belongs to it."""

    network: Network
    pixels: Pixels
    classes: tuple[str, ...]


def open_network(cfg: ModelConfig) -> Opened:
    """The network of a config's `model` table, with the weights that it names.

    Without any its weights are random, which is said. Raises WeightFileError, with what to do,
    where the file is not there.
    """
    if not cfg.weights:
        say_once(f"model {cfg.name}: no weights are named, so that they are random")
        model = build_model(cfg, CLASSES)
        example = jnp.zeros((1, 64, 64, 3))
        variables = jax.jit(lambda key: model.init(key, example, train=False))(jax.random.key(0))
        names = tuple(f"class {i}" for i in range(CLASSES))
        return Opened(Network(variables, model), Pixels(), names)
    options = {f.name: getattr(cfg, f.name) for f in dataclasses.fields(cfg)}
    name, given = options.pop("name"), options.pop("weights")
    weights = open_weights(find_weights(given), name, **options)
    how = weights.preprocessing
    variables = jax.tree.map(jnp.asarray, weights.variables)
    names = weights.classes or tuple(f"class {i}" for i in range(weights.num_classes))
    return Opened(Network(variables, weights.model()), Pixels(how.mean, how.std), names)
