"""Batch normalization folded into the convolution before it: in evaluation both are linear."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.typing import Array, Tree


def fold_batch_norm(
    kernel: Array, bias: Array | None, norm: Mapping[str, Array], stats: Mapping[str, Array],
    *, eps: float = 1e-5,
) -> tuple[Array, Array]:  # fmt: skip
    """Kernel and bias of the one layer that does what conv and norm do in evaluation.

    With f = scale / sqrt(var + eps): kernel f, (bias - mean) f + norm's bias. `kernel`
    `(..., features)`, `norm` its `scale` and `bias`, `stats` its `mean` and `var`, `(features,)`.
    """
    factor = norm["scale"] / jnp.sqrt(stats["var"] + eps)
    shift = -stats["mean"] if bias is None else bias - stats["mean"]
    return kernel * jnp.expand_dims(factor, range(kernel.ndim - 1)), shift * factor + norm["bias"]


def fold_variables(variables: Tree, pairs: Mapping[str, str], *, eps: float = 1e-5) -> Tree:
    """`variables` of the same model with every norm of `pairs` (conv path -> norm path) folded.

    Paths are joined by `/`. The kernels take up the norms' factors; what is left of a norm adds a
    bias: scale 1, mean 0, variance 1 - eps.
    """
    params, stats = _copied(variables["params"]), _copied(variables["batch_stats"])
    for conv_path, norm_path in pairs.items():
        conv, norm = _at(params, conv_path), _at(params, norm_path)
        seen = _at(stats, norm_path)
        conv["kernel"], bias = fold_batch_norm(
            conv["kernel"], conv.get("bias"), norm, seen, eps=eps
        )
        if "bias" in conv:
            conv["bias"] = jnp.zeros_like(bias)
        norm |= {"scale": jnp.ones_like(bias), "bias": bias}
        seen |= {"mean": jnp.zeros_like(bias), "var": jnp.full_like(bias, 1 - eps)}
    return {**variables, "params": params, "batch_stats": stats}


def _copied(tree: Any) -> Any:
    return {k: _copied(v) for k, v in tree.items()} if isinstance(tree, Mapping) else tree


def _at(tree: Any, path: str) -> dict[str, Any]:
    for name in path.split("/"):
        if name not in tree:
            raise UsageError(f"fold_variables: there is no {path!r}; here are {', '.join(tree)}")
        tree = tree[name]
    return tree
