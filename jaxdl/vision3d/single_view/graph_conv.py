"""Convolution over the graph of a mesh (Wang et al. 2018, Pixel2Mesh, arXiv 1804.01654, eq. 1)."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.layers.dense import Dense
from jaxdl.typing import Array, Host

NeighborSum = Callable[[Array], Array]  # (B, V, C) -> (B, V, C)


def neighbor_table(edges: Host, count: int) -> Host:
    """The neighbors of each of `count` vertices, `(V, K)` int32, filled up with `count`."""
    ends = np.concatenate([edges[:, 0], edges[:, 1]])
    others = np.concatenate([edges[:, 1], edges[:, 0]])
    order = np.argsort(ends, kind="stable")
    degree = np.bincount(ends, minlength=count)
    place = np.arange(len(ends)) - np.repeat(np.cumsum(degree) - degree, degree)
    table = np.full((count, degree.max(initial=0)), count, np.int32)
    table[ends[order], place] = others[order]
    return table


def neighbor_sum(x: Array, table: Host) -> Array:
    """The sum over the neighbors of each vertex: `(B, V, C)`, `(V, K)` -> `(B, V, C)`.

    Neighbors are neighbors of each other, so that the transpose, and with it the gradient, is the
    same sum again, and nothing has to be scattered. JAX is told so by what it has for linear maps
    with a known transpose, both ways of differentiation and batches: the "solution" is the sum; the
    first map, of which it would be the solution, is never asked.
    """

    def total(_: object, x: Array) -> Array:
        padded = jnp.pad(x, ((0, 0), (0, 1), (0, 0)))
        parts = [padded[:, table[:, k]] for k in range(table.shape[1])]
        return sum(parts[1:], parts[0])

    return lax.custom_linear_solve(lambda x: x, x, total, symmetric=True)


class GraphConv(nn.Module):
    """f'_i = W0 f_i + sum_j W1 f_j over the neighbors j: `(B, V, C)` -> `(B, V, features)`.

    `neighbors` gives the sum over neighbors. Submodules `own` (with a bias) and `around`.
    """

    features: int
    scale: float = 1.0  # of the variance of the initial weights

    @nn.compact
    def __call__(self, x: Array, neighbors: NeighborSum) -> Array:
        start = nn.initializers.variance_scaling(self.scale, "fan_in", "normal")
        # Some six neighbors are added up, which are much alike: as much as from the vertex itself.
        less = nn.initializers.variance_scaling(self.scale / 36, "fan_in", "normal")
        around = Dense(self.features, use_bias=False, kernel_init=less, name="around")
        # The narrower of both is added up.
        after = neighbors(around(x)) if self.features <= x.shape[-1] else around(neighbors(x))
        return Dense(self.features, kernel_init=start, name="own")(x) + after


class GraphResidual(nn.Module):
    """(x + relu(g2(relu(g1(x))))) / 2 of graph convolutions, after one to `features`.

    The block of Pixel2Mesh (section 3.3, as in its program): `blocks` of them.
    """

    features: int
    blocks: int

    @nn.compact
    def __call__(self, x: Array, neighbors: NeighborSum) -> Array:
        h = nn.relu(GraphConv(self.features, name="enter")(x, neighbors))
        for i in range(self.blocks):
            y: Any = nn.relu(GraphConv(self.features, name=f"first{i}")(h, neighbors))
            y = nn.relu(GraphConv(self.features, name=f"second{i}")(y, neighbors))
            h = (h + y) / 2
        return h
