"""Weights of networks that are compared with others: drawn, so that no initializer is compiled."""

from functools import partial

import jax
import numpy as np


def drawn_weights(net, *inputs, scale=0.3, **options):
    """Uniform in [-scale, scale]; variances of batch norm in [1, 1 + scale]."""
    draw = np.random.default_rng(1)

    def drawn(path, v):
        if jax.tree_util.keystr(path).endswith("['var']"):
            return (1 + scale * draw.random(v.shape)).astype(v.dtype)
        return draw.uniform(-scale, scale, v.shape).astype(v.dtype)

    key = jax.eval_shape(jax.random.key, 0)
    return jax.tree.map_with_path(drawn, jax.eval_shape(partial(net.init, **options), key, *inputs))
