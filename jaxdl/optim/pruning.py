"""Weights that are left out of a trained network by their size.

Han et al. 2015, arXiv 1506.02626; Frankle and Carbin 2019, arXiv 1803.03635.
"""

from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_fraction
from jaxdl.typing import Array, Tree


def magnitude_masks(params: Tree, sparsity: float, *, within: Tree | None = None) -> Tree:
    """True for the weights that stay: all but the share `sparsity` of each kernel, the smallest.

    Kernels are the leaves of two axes or more; all else stays. Of weights that `within`, an earlier
    mask, leaves out none comes back. Raises UsageError where `sparsity` is below that of `within`.
    """
    check_fraction("magnitude_masks: sparsity", sparsity)
    flat: dict[Any, Any] = flax.traverse_util.flatten_dict(params)
    before: dict[Any, Any] = {} if within is None else flax.traverse_util.flatten_dict(within)
    masks = {}
    for path, leaf in flat.items():
        if np.ndim(leaf) < 2:
            masks[path] = np.ones(np.shape(leaf), bool)
            continue
        size = np.abs(np.asarray(leaf)).ravel()
        if path in before:
            size = np.where(np.ravel(before[path]), size, -1.0)
        gone = round(sparsity * size.size)
        if np.sum(size < 0) > gone:
            raise UsageError(f"magnitude_masks: {np.mean(size < 0):.0%} are out already, and more")
        kept = np.ones(size.size, bool)
        kept[np.argsort(size, kind="stable")[:gone]] = False
        masks[path] = kept.reshape(np.shape(leaf))
    return flax.traverse_util.unflatten_dict(masks)


def masked(params: Tree, masks: Tree) -> Tree:
    """`params`, zero where a mask is False; so are their gradients through it."""

    def one(leaf: Array, mask: Array) -> Array:
        return jnp.where(mask, leaf, 0)

    return jax.tree.map(one, params, masks)
