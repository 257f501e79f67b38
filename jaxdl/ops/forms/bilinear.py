"""Products of two arrays of any kind, with the two products that are their gradients.

With y = f(a, b) linear in both, the number <f(a, b), c> is linear in three arrays. Each of its
derivatives, f itself, the gradient by a and that by b, is a product of two of them, and has the
other two derivatives for its own gradients. So one op with three slots is closed under
differentiation of any order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxdl.ops.forms.by_platform import PlatformOp
from jaxdl.typing import Array

OTHERS = {"out": ("a", "b"), "a": ("out", "b"), "b": ("a", "out")}  # what a slot is a product of
Form = Callable[..., Array]


class Bilinear:
    """`f(a, b, **static)`, and its two gradients, each with a form for a CPU and a stock form.

    `cpu` and `stock` are f; `gradients` are what a CPU computes for slots a and b, `(c, b, shape,
    **static)` and `(a, c, shape, **static)` -> an array of `shape`, where that is not the transpose
    of `cpu` by JAX. `trained`, a static argument of `cpu` alone, is True in differentiated
    programs.
    """

    def __init__(
        self, name: str, *, cpu: Form, stock: Form, gradients: Mapping[str, Form] | None = None
    ) -> None:
        self.cpu, self.plain, self.gradients = cpu, stock, gradients or {}
        self.op = PlatformOp(
            name, cpu=self._cpu, stock=self._stock, jvp=self._jvp, transpose=self._transpose
        )

    def __call__(self, a: Array, b: Array, **static: Any) -> Array:
        return self.op(a, b, slot="out", shape=(), trained=False, **static)[0]

    def _cpu(self, a: Array, b: Array, *, slot: str, shape: Any, trained: bool, **static: Any):
        if slot == "out":
            return [self.cpu(a, b, trained=trained, **static)]
        if slot in self.gradients:
            return [self.gradients[slot](a, b, shape, **static)]
        return [transposed(lambda a, b: self.cpu(a, b, trained=True, **static), a, b, slot, shape)]

    def _stock(self, a: Array, b: Array, *, slot: str, shape: Any, trained: bool, **static: Any):
        if slot == "out":
            return [self.plain(a, b, **static)]
        return [transposed(lambda a, b: self.plain(a, b, **static), a, b, slot, shape)]

    def _jvp(
        self, args: Sequence[Array], tangents: Mapping[int, Array], *, trained: bool, **static: Any
    ) -> Any:
        out = self.op(*args, trained=True, **static)
        moved = None
        for position, tangent in tangents.items():
            pair = [tangent if i == position else x for i, x in enumerate(args)]
            (part,) = self.op(*pair, trained=True, **static)
            moved = part if moved is None else moved + part
        return out, [moved]

    def _transpose(
        self, unknown: Sequence[int], cotangents: Any, args: Any, shapes: Any, **static: Any
    ) -> list[Array]:
        (position,), slot = unknown, static.pop("slot")
        wanted, values = OTHERS[slot][position], dict(zip(OTHERS[slot], args, strict=True))
        values[slot] = cotangents[0]
        pair = [values[name] for name in OTHERS[wanted]]
        static |= {"trained": True, "shape": () if wanted == "out" else shapes[position]}
        return self.op(*pair, slot=wanted, **static)


def transposed(f: Any, a: Array, b: Array, slot: str, shape: Sequence[int]) -> Array:
    """The gradient that a slot stands for, by JAX's own rules."""
    if slot == "a":
        return jax.linear_transpose(lambda x: f(x, b), jax.ShapeDtypeStruct(shape, b.dtype))(a)[0]
    return jax.linear_transpose(lambda x: f(a, x), jax.ShapeDtypeStruct(shape, a.dtype))(b)[0]
