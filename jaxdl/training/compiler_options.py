"""Options of XLA's compiler for one program, chosen by what the program holds."""

import os
from collections.abc import Iterator
from typing import Any

from jax.extend import core

from jaxdl.runs.environment import CPU_OPTION, REDUCTIONS, WITH_PRODUCTS, takes_cpu_option

LOOPS = ("scan", "while")
PRODUCT = "dot_general"
CONVOLUTIONS = {"conv_general_dilated", "jaxdl_conv", "jaxdl_conv_transpose"}


def compiler_options(step: core.ClosedJaxpr, platform: str) -> dict[str, Any] | None:
    """What to compile a program of such steps with; None: as XLA comes.

    On a CPU, and with a compiler that is known to take it, products in a loop are given to YNNPACK
    where nothing is convolved (a recurrent net); everywhere else reductions alone are. A choice of
    the person's own in `XLA_FLAGS` holds.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    chosen = CPU_OPTION in flags and f"{CPU_OPTION}={REDUCTIONS}" not in flags
    if platform != "cpu" or chosen or not takes_cpu_option():
        return None
    return {CPU_OPTION: WITH_PRODUCTS if is_recurrent(step.jaxpr) else REDUCTIONS}


def is_recurrent(jaxpr: core.Jaxpr) -> bool:
    """Whether a loop of `jaxpr` holds products, and nothing is convolved anywhere."""
    found = {(equation.primitive.name, looped) for equation, looped in equations(jaxpr)}
    return (PRODUCT, True) in found and not CONVOLUTIONS & {name for name, _ in found}


def equations(jaxpr: core.Jaxpr, looped: bool = False) -> Iterator[tuple[core.JaxprEqn, bool]]:
    """(equation, whether within a loop) of each, also of those within others."""
    for equation in jaxpr.eqns:
        yield equation, looped
        for inner in core.jaxprs_in_params(equation.params):
            yield from equations(inner, looped or equation.primitive.name in LOOPS)
