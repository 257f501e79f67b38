"""Ops with one form for a CPU and another for every other platform, chosen when a program is
lowered; with derivatives of any order in both modes, and under `vmap`.

A program may be traced on one platform and lowered for another, so tracing must not choose. Each op
is a primitive of JAX whose rules are written in calls of such ops.
"""

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxdl.typing import Array

Axes = tuple[tuple[int | None, ...], ...]
OPS: dict[Primitive, "PlatformOp"] = {}


class PlatformOp:
    """`op(*arrays, **static) -> [arrays]`; the static arguments are hashable.

    Args:
      cpu, stock: the two forms, `(*arrays, **static) -> sequence of arrays`.
      jvp: `(args, tangents, **static) -> (results, tangents of them)`; `tangents` has those of the
        arguments, by position, that have one; None is a result's tangent that is zero.
      transpose: `(unknown, cotangents, args, shapes, **static) -> [arrays]`, a cotangent of each
        argument whose position is in `unknown`, all of which the op is linear in; `args` has None
        there, `shapes` has theirs, by position.
    """

    def __init__(
        self,
        name: str,
        *,
        cpu: Callable[..., Sequence[Array]],
        stock: Callable[..., Sequence[Array]],
        jvp: Callable[..., Any],
        transpose: Callable[..., Sequence[Array]] | None = None,
    ) -> None:
        self.name, self.stock, self.rule, self.transpose = name, stock, jvp, transpose
        primitive = self.primitive = Primitive(name)
        primitive.multiple_results = True
        primitive.def_impl(self._now)
        primitive.def_abstract_eval(self._shapes)
        lower = partial(mlir.lower_fun, multiple_results=True)
        mlir.register_lowering(primitive, lower(partial(mapped, cpu)), platform="cpu")
        mlir.register_lowering(primitive, lower(partial(mapped, stock)))
        ad.primitive_jvps[primitive] = self._jvp
        if transpose is not None:
            ad.primitive_transposes[primitive] = self._transposed
        batching.primitive_batchers[primitive] = self._batched
        OPS[primitive] = self

    def __call__(self, *args: Any, **static: Any) -> list[Array]:
        return self.primitive.bind(*map(jnp.asarray, args), axes=(), **static)

    def _now(self, *args: Array, **params: Any) -> list[Array]:
        # What runs alone is compiled, too: its device then decides.
        with jax.disable_jit(disable=False):
            return _program(self.primitive, tuple(sorted(params.items())))(*args)

    def _shapes(self, *avals: Any, **params: Any) -> list[ShapedArray]:
        given = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
        made = jax.eval_shape(partial(mapped, self.stock, **params), *given)
        return [ShapedArray(x.shape, x.dtype) for x in made]

    def _jvp(self, args: Sequence[Any], tangents: Sequence[Any], *, axes: Axes, **static: Any):
        live = [i for i, t in enumerate(tangents) if type(t) is not ad.Zero]

        def rule(*values: Any) -> Any:
            known, moved = values[: len(args)], values[len(args) :]
            return self.rule(known, dict(zip(live, moved, strict=True)), **static)

        for level in axes:
            rule = jax.vmap(rule, in_axes=(*level, *(level[i] for i in live)))
        outs, moved = rule(*args, *(tangents[i] for i in live))
        pairs = zip(outs, moved, strict=True)
        return list(outs), [
            ad.Zero(jax.typeof(o).to_tangent_aval()) if t is None else t for o, t in pairs
        ]

    def _transposed(self, cotangents: Sequence[Any], *args: Any, axes: Axes, **static: Any):
        assert self.transpose is not None
        unknown = [i for i, a in enumerate(args) if ad.is_undefined_primal(a)]
        known = [i for i in range(len(args)) if i not in unknown]
        if all(type(c) is ad.Zero for c in cotangents):
            return [ad.Zero(a.aval) if i in unknown else None for i, a in enumerate(args)]
        shapes = {i: inner_shape(args[i].aval.shape, i, axes) for i in unknown}

        def rule(*values: Any) -> list[Array]:
            given: list[Any] = [None] * len(args)
            for i, value in zip(known, values[len(cotangents) :], strict=True):
                given[i] = value
            pulled = values[: len(cotangents)]
            assert self.transpose is not None
            return list(self.transpose(unknown, pulled, given, shapes, **static))

        for level in axes:
            rule = summed(rule, level, unknown, known, len(cotangents))
        whole = [ad.instantiate_zeros(c) for c in cotangents]
        found = dict(zip(unknown, rule(*whole, *(args[i] for i in known)), strict=True))
        return [found.get(i) for i in range(len(args))]

    def _batched(self, args: Sequence[Any], dims: Sequence[Any], *, axes: Axes, **static: Any):
        outs = self.primitive.bind(*args, axes=(*axes, tuple(dims)), **static)
        return outs, [0] * len(outs)


def mapped(form: Callable[..., Any], *args: Any, axes: Axes, **static: Any) -> Any:
    """`form` under one `vmap` for each of `axes`, the first innermost; results have their axis
    first."""
    call: Callable[..., Any] = partial(form, **static)
    for level in axes:
        call = jax.vmap(call, in_axes=level)
    return call(*args)


def summed(
    rule: Callable[..., Any], level: Sequence[Any], unknown: Sequence[int], known: Any, count: int
) -> Callable[..., Any]:
    """`rule` under one `vmap`; what all of its rows shared gets the sum of their cotangents."""
    places = [0 if level[i] is None else level[i] for i in unknown]
    many = jax.vmap(rule, in_axes=(*(0,) * count, *(level[i] for i in known)), out_axes=places)

    def call(*values: Any) -> list[Array]:
        found = zip(unknown, many(*values), strict=True)
        return [jnp.sum(x, 0) if level[i] is None else x for i, x in found]

    return call


def inner_shape(shape: Sequence[int], position: int, axes: Axes) -> tuple[int, ...]:
    """The shape that an argument has inside of all `axes`."""
    left = list(shape)
    for level in reversed(axes):
        axis = level[position]
        if axis is not None:
            del left[axis]
    return tuple(left)


@functools.cache
def _program(primitive: Primitive, params: tuple) -> Callable[..., Any]:
    return jax.jit(lambda *args: primitive.bind(*args, **dict(params)))


def stock_program(eqn: Any) -> Any:
    """The traced stock form of an equation of such an op, to be read; None for any other."""
    op = OPS.get(eqn.primitive)
    if op is None:
        return None
    given = [jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype) for var in eqn.invars]
    return jax.make_jaxpr(partial(mapped, op.stock, **eqn.params))(*given)
