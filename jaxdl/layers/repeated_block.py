"""Blocks that a deep model repeats, and computing them again in place of keeping their insides."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn

from jaxdl.checks import UsageError


class RepeatedBlock(nn.Module):
    """A part that a model repeats in depth, called with an array first: what `remat` recomputes."""


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, of whose blocks a gradient keeps the inputs and computes the rest again.

    Rematerialization by blocks (Chen et al. 2016, arXiv 1604.06174): each outermost
    `RepeatedBlock` called in `f` becomes a `jax.checkpoint`; values stay, dropout's too. Raises
    UsageError where `f` calls none.
    """

    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        inside, seen = False, False

        def intercept(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
            nonlocal inside, seen
            block = context.module
            known = isinstance(block, RepeatedBlock) and context.method_name == "__call__"
            if inside or not known or block.is_initializing():
                return call(*args, **kwargs)
            x, *rest = args
            inside = seen = True
            try:
                return nn.remat(lambda block, x: block(x, *rest, **kwargs))(block, x)
            finally:
                inside = False

        with nn.intercept_methods(intercept):
            out = f(*args, **kwargs)
        if not seen:
            raise UsageError(
                "loop.remat: this model has no repeated blocks whose values could be computed "
                "again; leave it out"
            )
        return out

    return rematerialized
