"""How a residual block joins its branch, its norm and its input."""

from collections.abc import Callable

import flax.linen as nn

from jaxdl.checks import check_one_of
from jaxdl.typing import Array

WIRINGS = ("pre", "post", "deepnorm")


def residual(
    wiring: str,
    x: Array,
    branch: Callable[[Array], Array],
    norm: Callable[[Array], Array],
    *,
    depth: int = 1,
) -> Array:
    """One residual connection of a net of `depth` blocks with two of them each.

    pre: x + F(norm(x)) (Xiong et al. 2020, arXiv 2002.04745); post: norm(x + F(x)) (Vaswani et al.
    2017, arXiv 1706.03762); deepnorm: norm(a x + F(x)), a = (2 depth)^(1/4) (Wang et al. 2022,
    arXiv 2203.00555, figure 2), where the branch must start with `deepnorm_gain`.
    """
    check_one_of("residual: wiring", wiring, WIRINGS)
    if wiring == "pre":
        return x + branch(norm(x))
    factor = (2 * depth) ** 0.25 if wiring == "deepnorm" else 1.0
    return norm(factor * x + branch(x))


def deepnorm_gain(wiring: str, depth: int) -> float:
    """(8 depth)^(-1/4), DeepNorm's factor on the weights of values, outputs and MLPs; else 1."""
    return (8 * depth) ** -0.25 if wiring == "deepnorm" else 1.0


def scaled(init: nn.initializers.Initializer, gain: float) -> nn.initializers.Initializer:
    """`init` times `gain`."""
    return lambda *args, **options: gain * init(*args, **options)
