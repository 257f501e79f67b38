"""Lowered for an accelerator, every op is the one that JAX itself lowers, and so are its gradients.

Judged by the text of programs written with `jax.lax` alone; no device is needed.
"""

import re
from collections import Counter
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.ops.float_cases import CASES, TOKENS, arguments

DIMENSIONS = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC"), 5: ("NDHWC", "DHWIO", "NDHWC")}
STOCK = {"convolution", "reduce_window", "select_and_scatter", "gather", "scatter", "dot_general"}
# What a CPU's forms are made of, and a stock convolution or pool is not.
OTHERS = {"multiply", "concatenate", "select", "iota", "compare"}


def stock_conv(x, kernel, *, stride=1, padding=0, dilation=1, groups=1):
    rank = x.ndim - 2
    pads = (padding,) * rank if isinstance(padding, int) else padding
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride,) * rank,
        [(p, p) if isinstance(p, int) else p for p in pads],
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=DIMENSIONS[x.ndim],
        feature_group_count=groups,
    )


def stock_max_pool(x, *, window, stride, pads):
    low = np.array(-np.inf, x.dtype)
    pads = [(0, 0), pads, pads, (0, 0)]
    return lax.reduce_window(x, low, lax.max, (1, window, window, 1), (1, stride, stride, 1), pads)


def stock_conv_transpose(x, kernel):
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, (0, 1)),
        (1, 1),
        [(2, 2), (2, 2)],
        lhs_dilation=(2, 2),
        dimension_numbers=DIMENSIONS[4],
    )


STOCK_OPS = {
    name: partial(stock_conv, **CASES[name][0].keywords)
    if isinstance(CASES[name][0], partial)
    else stock_conv
    for name in CASES
    if name.startswith("conv") and name != "conv_transpose"
} | {
    "conv_transpose": stock_conv_transpose,
    "max_pool": partial(stock_max_pool, window=2, stride=2, pads=(0, 0)),
    "max_pool_overlapping": partial(stock_max_pool, window=3, stride=2, pads=(1, 2)),
    "lookup": lambda table: table[TOKENS],
}


def gradients(op):
    def run(*args):
        out, pull = jax.vjp(op, *args)
        return out, pull(out)

    return run


def operations(f, args, platform):
    """Name of each operation of the optimization-free program, with the attributes of those that
    count; `jax.jit` drops what nothing needs."""
    text = jax.jit(f).trace(*args).lower(lowering_platforms=(platform,)).as_text()
    return Counter(re.findall(r"stablehlo\.(\w+)", text)), convolutions(text)


def convolutions(text):
    """Windows and dimension numbers of every convolution, in order of their text."""
    found = re.findall(r"stablehlo\.convolution.*?(dim_numbers.*?precision)", text)
    return sorted(found)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("name", STOCK_OPS)
def test_programs_for_accelerators_are_the_stock_ones(name, platform):
    args, op, stock = arguments(name), CASES[name][0], STOCK_OPS[name]
    for ours, theirs in ((op, stock), (gradients(op), gradients(stock))):
        counts, forms = operations(ours, args, platform)
        want, want_forms = operations(theirs, args, platform)
        assert forms == want_forms
        for kind in STOCK - {"reduce_window"}:
            assert counts[kind] == want[kind], kind
        # A maximum that only the gradient's rule asks for is dropped by the compiler.
        assert 0 <= counts["reduce_window"] - want["reduce_window"] <= 1
        for kind in OTHERS - ({"select", "compare"} if name == "lookup" else set()):  # of indices
            assert counts[kind] <= want[kind], kind


@pytest.mark.parametrize("name", ["conv", "conv_thin", "conv_depthwise", "conv_groups", "max_pool"])
def test_a_cpu_has_other_programs(name):
    """What the test above would say of the forms that a CPU is given."""
    args, op, stock = arguments(name), CASES[name][0], STOCK_OPS[name]
    ours, forms = operations(gradients(op), args, "cpu")
    theirs, their_forms = operations(gradients(stock), args, "cpu")
    assert (forms, ours) != (their_forms, theirs)
    assert ours["select_and_scatter"] == 0


def test_one_program_for_both_platforms_holds_both_forms():
    """Traced once, on whatever this machine has: the choice is made when it is lowered."""
    args, op = arguments("conv_depthwise"), CASES["conv_depthwise"][0]
    traced = jax.jit(op).trace(*args)
    texts = [traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "cuda")]
    assert ["stablehlo.convolution" in text for text in texts] == [False, True]


def test_values_of_the_stock_form_are_those_of_the_cpus():
    """The stock program of each op, run here, gives what the CPU's form gives."""
    for name, stock in STOCK_OPS.items():
        args = arguments(name)
        pairs = zip(
            jax.tree.leaves(jax.jit(gradients(CASES[name][0]))(*args)),
            jax.tree.leaves(jax.jit(gradients(stock))(*args)),
            strict=True,
        )
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("name", CASES)
def test_every_op_and_its_gradient_lower_for_an_accelerator(name, platform):
    def both(args):
        out, back = jax.vjp(CASES[name][0], *args)
        return out, back(out)

    lowered = jax.jit(both).trace(arguments(name)).lower(lowering_platforms=(platform,))
    assert "func.func public @main" in lowered.as_text()
