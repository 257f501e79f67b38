"""A recurrent net over a whole sequence, with one product for the gradient of its matrix."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.ops.forms.by_platform import PlatformOp
from jaxdl.typing import Array

State = tuple[Array, ...]
Point = Callable[[State, Array, Array], State]  # (state, W_x x, W_h h) -> state, h first


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def rnn_scan(
    point: Point, reverse: bool, wh: Array, start: State, zx: Array, kept: Array | None
) -> tuple[Array, State]:
    """Applies `state = point(state, zx[t], h @ wh)` for every t, h the first part of the state.

    Where `kept` is False the state stays as it is. The gradient of `wh` is one product after the
    loop: a loop that adds up a product a step is half as fast.

    Args: `wh` `(H, G)`, `start` parts `(B, H)`, `zx` `(T, B, G)`, `kept` `(T, B)` bool
    or None (all); `reverse` begins at the last t. Returns: h of every t `(T, B, H)`, last state.
    """
    return _forward(point, reverse, wh, start, zx, kept)[0]


def advance(point: Point, wh: Array, state: State, zx: Array) -> State:
    """One step of `rnn_scan`, without a mask: `zx` `(B, G)`."""
    return point(state, zx, state[0] @ wh)


def _hold(point: Point, state: State, zx: Array, zh: Array, kept: Array | None) -> State:
    new = point(state, zx, zh)
    if kept is None:
        return new
    return jax.tree.map(lambda a, b: jnp.where(kept[:, None], a, b), new, state)


def _forward(
    point: Point, reverse: bool, wh: Array, start: State, zx: Array, kept: Array | None
) -> tuple[tuple[Array, State], Any]:
    def step(state: State, inputs: Any) -> Any:
        z, keep = inputs
        zh = state[0] @ wh
        new = _hold(point, state, z, zh, keep)
        return new, (new[0], state, zh)

    last, (h, before, zh) = jax.lax.scan(step, start, (zx, kept), reverse=reverse)
    return (h, last), (wh, before, zx, zh, kept)


@rnn_scan.defjvp
def _jvp(point: Point, reverse: bool, primals: Any, tangents: Any) -> Any:
    wh, start, zx, kept = primals
    out, (_, before, zx, zh, kept) = _forward(point, reverse, wh, start, zx, kept)
    arrays = (wh, *before, zx, zh, *(() if kept is None else (kept,)))
    dwh, dstart, dzx, _ = tangents
    static = {"point": point, "reverse": reverse, "parts": len(start), "holds": kept is not None}
    dh, *dlast = _tangent(*arrays, dwh, *dstart, dzx, **static)
    return out, (dh, tuple(dlast))


class Residuals(NamedTuple):
    """What the linear part of a scan depends on: the inputs of its every step."""

    wh: Array
    before: State  # (T, B, H) of each part
    zx: Array
    zh: Array
    kept: Array | None


def _parse(arrays: Sequence[Array], parts: int, holds: bool) -> tuple[Residuals, Sequence[Array]]:
    wh, before, (zx, zh) = arrays[0], arrays[1 : 1 + parts], arrays[1 + parts : 3 + parts]
    end = 3 + parts + holds
    return Residuals(wh, tuple(before), zx, zh, arrays[end - 1] if holds else None), arrays[end:]


def _linear(*arrays: Array, point: Point, reverse: bool, parts: int, holds: bool) -> list[Array]:
    """Tangents of h and of the last state. The matrix meets its tangent in one product."""
    (wh, before, zx, zh, kept), (dwh, *dstart, dzx) = _parse(arrays, parts, holds)
    h = before[0]
    moved = (h.reshape(-1, h.shape[-1]) @ dwh).reshape(zh.shape)

    def step(dstate: State, inputs: Any) -> Any:
        dz, moved_t, state, z, zh_t, keep = inputs
        dzh = dstate[0] @ wh + moved_t
        hold = lambda s, a, b: _hold(point, s, a, b, keep)  # noqa: E731
        _, dstate = jax.jvp(hold, (state, z, zh_t), (dstate, dz, dzh))
        return dstate, dstate[0]

    inputs = (dzx, moved, before, zx, zh, kept)
    dlast, dh = jax.lax.scan(step, tuple(dstart), inputs, reverse=reverse)
    return [dh, *dlast]


def _backward(*arrays: Array, point: Point, reverse: bool, parts: int, holds: bool) -> list[Array]:
    """Gradients by the matrix, the start and the inputs, given those by h and the last state."""
    (wh, before, zx, zh, kept), (dh, *dlast) = _parse(arrays, parts, holds)

    def step(dstate: State, inputs: Any) -> Any:
        dh_t, state, z, zh_t, keep = inputs
        dstate = (dstate[0] + dh_t, *dstate[1:])
        _, pull = jax.vjp(lambda s, a, b: _hold(point, s, a, b, keep), state, z, zh_t)
        dstate, dz, dzh = pull(dstate)
        return (dstate[0] + dzh @ wh.T, *dstate[1:]), (dz, dzh)

    inputs = (dh, before, zx, zh, kept)
    dstart, (dzx, dzh) = jax.lax.scan(step, tuple(dlast), inputs, reverse=not reverse)
    h, dz = before[0], dzh  # over rows: a product that contracts two axes copies its operands
    dwh = h.reshape(-1, h.shape[-1]).T @ dz.reshape(-1, dz.shape[-1])
    return [dwh, *dstart, dzx]


def _plain_jvp(
    form: Callable[..., Any], args: Sequence[Array], tangents: Mapping[int, Array], **static: Any
) -> Any:
    """Derivatives of the derivatives are JAX's own."""
    live = list(tangents)

    def moving(*values: Array) -> Any:
        given = dict(zip(live, values, strict=True))
        return form(*(given.get(i, x) for i, x in enumerate(args)), **static)

    return jax.jvp(moving, [args[i] for i in live], list(tangents.values()))


def _gradient_of_tangent(
    unknown: Sequence[int], cotangents: Any, args: Any, shapes: Any, **static: Any
) -> list[Array]:
    known = args[: len(args) - static["parts"] - 2]
    found = _gradient(*known, *cotangents, **static)
    return [found[i - len(known)] for i in unknown]


def _tangent_of_gradient(
    unknown: Sequence[int], cotangents: Any, args: Any, shapes: Any, **static: Any
) -> list[Array]:
    known = args[: len(args) - static["parts"] - 1]
    found = _tangent(*known, *cotangents, **static)
    return [found[i - len(known)] for i in unknown]


_tangent = PlatformOp(
    "jaxdl_rnn_tangent",
    cpu=_linear,
    stock=_linear,
    jvp=partial(_plain_jvp, _linear),
    transpose=_gradient_of_tangent,
)
_gradient = PlatformOp(
    "jaxdl_rnn_gradient",
    cpu=_backward,
    stock=_backward,
    jvp=partial(_plain_jvp, _backward),
    transpose=_tangent_of_gradient,
)
