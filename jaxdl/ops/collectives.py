"""Sums and means over the devices that share a batch, in one exchange; the rows of all."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxdl.typing import Array, Tree


def psum_tree(tree: Tree, axis_name: str | None) -> Tree:
    """The sum over the devices of a named axis, leaf by leaf; None is one device.

    All leaves of one dtype travel as one vector: an exchange has a price of its own, which on a
    CPU's simulated devices is most of a small step. One device exchanges nothing.
    """
    if axis_name is None or lax.axis_size(axis_name) == 1:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    leaves = [jnp.asarray(leaf) for leaf in leaves]
    for dtype in sorted({leaf.dtype for leaf in leaves}, key=str):
        places = [i for i, leaf in enumerate(leaves) if leaf.dtype == dtype]
        vector = lax.psum(jnp.concatenate([leaves[i].ravel() for i in places]), axis_name)
        start = 0
        for i in places:
            shape, size = leaves[i].shape, leaves[i].size
            leaves[i] = vector[start : start + size].reshape(shape)
            start += size
    return jax.tree.unflatten(structure, leaves)


def pmean_tree(tree: Tree, axis_name: str | None) -> Tree:
    """The mean over the devices of a named axis, leaf by leaf; None is one device."""
    if axis_name is None:
        return tree
    count = lax.axis_size(axis_name)
    return jax.tree.map(lambda x: x / count, psum_tree(tree, axis_name)) if count > 1 else tree


def gather_rows(x: Array, axis_name: str | None) -> Array:
    """The rows of all devices of a named axis in their order, `(B, ...)` -> `(devices B, ...)`.

    Its gradient on a device is that of the sum of all devices' losses, so that the mean of the
    gradients over devices is the gradient of the mean loss. None is one device.
    """
    if axis_name is None or lax.axis_size(axis_name) == 1:
        return x
    return lax.all_gather(x, axis_name, tiled=True)


def first_row(x: Array, axis_name: str | None) -> Array | int:
    """Where the first of a device's rows stands among `gather_rows` of all."""
    return 0 if axis_name is None else lax.axis_index(axis_name) * len(x)
