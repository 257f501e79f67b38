"""The maximum of windows: on a CPU by comparing shifted parts, elsewhere JAX's `reduce_window`.

What a gradient needs is the place of the maximum on a CPU, and the input elsewhere; the program
holds both, and the compiler drops what its platform does not ask for.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.ops.forms.by_platform import PlatformOp
from jaxdl.typing import Array


class Windows(NamedTuple):
    """Where the windows of a pooling lie, one entry per spatial axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]  # a negative high end is a crop: no window reaches there
    out: tuple[int, ...]


def window_maximum(x: Array, windows: Windows) -> Array:
    """`(B, H, W, C)` -> `(B, *windows.out, C)`."""
    return _maximum(x, windows=windows, trained=False)[0]


def _taps(x: Array, windows: Windows, edge: Any = -math.inf) -> Iterator[Array]:
    """For each position in the window its values in all windows, `(B, H', W', C)`."""
    edges = [(0, 0, 0), *((low, high, 0) for low, high in windows.pads), (0, 0, 0)]
    x = lax.pad(x, jnp.array(edge, x.dtype), edges)
    for tap in itertools.product(*map(range, windows.size)):
        where = [
            slice(t, t + (o - 1) * s + 1, s)
            for t, o, s in zip(tap, windows.out, windows.stride, strict=True)
        ]
        yield x[(slice(None), *where)]


def _with_place(x: Array, windows: Windows) -> tuple[Array, Array]:
    """The maxima, and the place in its window of each: the first, or that of a NaN."""
    small = _place_dtype(windows)
    parts = _taps(x, windows)
    best = next(parts)
    first = jnp.zeros(best.shape, small)
    for place, part in enumerate(parts, 1):
        better = (part > best) | jnp.isnan(part)  # a NaN wins, as in torch
        best = jnp.where(better, part, best)
        first = jnp.where(better, jnp.array(place, small), first)
    return best, first


def _cpu_gradient(x: Array, first: Array, grad: Array, *, windows: Windows) -> tuple[Array]:
    """Each input element asks the windows that hold it whether it was their maximum.

    With the padded input cut into cells of the stride, (B, H / s, s, W / s, s, C), the windows of a
    cell are its own and the few before it, so that all is one elementwise pass and no scatter.
    """
    rank, size, stride = len(windows.size), windows.size, windows.stride
    ends = [
        (o - 1) * s + k - high
        for o, k, s, (_, high) in zip(windows.out, size, stride, windows.pads, strict=True)
    ]
    cells = [-(-end // s) for end, s in zip(ends, stride, strict=True)]
    within = tuple(range(2, 2 * rank + 1, 2))
    zero, parts = jnp.zeros((), grad.dtype), []
    for back in itertools.product(*(range(-(-k // s)) for k, s in zip(size, stride, strict=True))):
        edges = [(b, n - o - b, 0) for b, n, o in zip(back, cells, windows.out, strict=True)]
        edges = [(0, 0, 0), *edges, (0, 0, 0)]
        winner = jnp.expand_dims(lax.pad(first, jnp.zeros((), first.dtype), edges), within)
        share = jnp.expand_dims(lax.pad(grad, zero, edges), within)
        place = _places(windows, back).astype(first.dtype)
        parts.append(jnp.where(winner == place, share, zero))
    spread = reduce(jnp.add, parts)
    spread = spread.reshape(len(grad), *(n * s for n, s in zip(cells, stride, strict=True)), -1)
    inside = (slice(low, end) for (low, _), end in zip(windows.pads, ends, strict=True))
    return (spread[(slice(None), *inside)],)


def _places(windows: Windows, back: tuple[int, ...]) -> np.ndarray:
    """The place that a cell's elements have in the window that starts `back` cells before it."""
    places = np.zeros((1,) * (2 * len(back) + 2), np.int64)
    outside = places > 0
    for axis, (k, s, b) in enumerate(zip(windows.size, windows.stride, back, strict=True)):
        shape = [s if i == 2 * axis + 2 else 1 for i in range(places.ndim)]
        tap = (np.arange(s) + b * s).reshape(shape)
        places = places * k + tap
        outside = outside | (tap >= k)
    return np.where(outside, math.prod(windows.size), places)


def _place_dtype(windows: Windows) -> Any:
    return jnp.uint8 if math.prod(windows.size) < 256 else jnp.int32


def _cpu(x: Array, *, windows: Windows, trained: bool) -> tuple[Array, ...]:
    return _with_place(x, windows) if trained else (reduce(jnp.maximum, _taps(x, windows)),)


def _reduced(x: Array, windows: Windows) -> Array:
    sizes, strides = (1, *windows.size, 1), (1, *windows.stride, 1)
    low = np.array(-np.inf, x.dtype)
    # Cropped before: JAX cannot differentiate a maximum of windows with a negative padding.
    ends = (n + min(high, 0) for n, (_, high) in zip(x.shape[1:-1], windows.pads, strict=True))
    x = x[(slice(None), *(slice(end) for end in ends))]
    pads = [(0, 0), *((first, max(high, 0)) for first, high in windows.pads), (0, 0)]
    return lax.reduce_window(x, low, lax.max, sizes, strides, pads)


def _stock(x: Array, *, windows: Windows, trained: bool) -> tuple[Array, ...]:
    y = _reduced(x, windows)
    return (y, jnp.zeros(y.shape, _place_dtype(windows))) if trained else (y,)


def _cpu_tangent(x: Array, first: Array, tangent: Array, *, windows: Windows) -> tuple[Array]:
    zero = jnp.zeros((), tangent.dtype)
    parts = enumerate(_taps(tangent, windows, zero))
    return (reduce(jnp.add, [jnp.where(first == i, part, zero) for i, part in parts]),)


def _stock_tangent(x: Array, first: Array, tangent: Array, *, windows: Windows) -> tuple[Array]:
    return (jax.jvp(lambda x: _reduced(x, windows), (x,), (tangent,))[1],)


def _stock_gradient(x: Array, first: Array, grad: Array, *, windows: Windows) -> tuple[Array]:
    return tuple(jax.vjp(lambda x: _reduced(x, windows), x)[1](grad))


def _jvp(args: Sequence[Array], tangents: Mapping[int, Array], *, trained: bool, **static: Any):
    out, first = _maximum(*args, trained=True, **static)
    moved = _tangent(*args, first, tangents[0], **static)
    return ([out, first], [*moved, None]) if trained else ([out], moved)


def _linear_jvp(op: str, args: Sequence[Array], tangents: Mapping[int, Array], **static: Any):
    """Both are linear in the last argument, and constant in the others nearly everywhere."""
    call = LINEAR[op]
    moved = call(*args[:2], tangents[2], **static) if 2 in tangents else [None]
    return call(*args, **static), moved


def _linear_transpose(
    other: str, unknown: Any, cotangents: Sequence[Array], args: Any, shapes: Any, **static: Any
) -> list[Array]:
    return LINEAR[other](*args[:2], cotangents[0], **static)


_maximum = PlatformOp("jaxdl_max_pool", cpu=_cpu, stock=_stock, jvp=_jvp)
_tangent = PlatformOp(
    "jaxdl_max_pool_tangent",
    cpu=_cpu_tangent,
    stock=_stock_tangent,
    jvp=partial(_linear_jvp, "tangent"),
    transpose=partial(_linear_transpose, "gradient"),
)
_gradient = PlatformOp(
    "jaxdl_max_pool_gradient",
    cpu=_cpu_gradient,
    stock=_stock_gradient,
    jvp=partial(_linear_jvp, "gradient"),
    transpose=partial(_linear_transpose, "tangent"),
)
LINEAR = {"tangent": _tangent, "gradient": _gradient}
