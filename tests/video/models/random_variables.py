"""Variables of a network, none at its default, and random clips."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np


def shapes_of(model, shape):
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    return jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)


def random_variables(model, shape, seed=0):
    """Kernels of variance 2 / fan_in, everything else around its default."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        value = rng.normal(size=leaf.shape)
        match path[-1].key:
            case "kernel":
                value *= (2 / np.prod(leaf.shape[:-1])) ** 0.5
            case "var":
                value = 0.5 + rng.random(leaf.shape)
            case "scale":
                value = 1 + 0.2 * value
            case _:
                value *= 0.2
        return value.astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes_of(model, shape))


def clips(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
