"""Convolution whose gradients stay fast inside a loop.

XLA's CPU compiler rewrites convolutions into its fast form only outside of loops, and JAX writes
both gradients with permuted dimension numbers, so that a scanned train step runs naive code. Here
the gradients are themselves convolutions of the one form NHWC x HWIO -> NHWC, with explicit
transposes; they are differentiable again in reverse mode. Where even that form is slow, with few
channels, a product with a band matrix takes its place in training on a CPU (`_banded`).
"""

import itertools
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.typing import Array

Padding = int | Sequence[int | tuple[int, int]]
MULTIPLY_ADD = "multiply_add"  # the scope of elementwise products that stand for a convolution
SPLIT_UP_TO = 8  # groups; more would make programs long and convolutions thin
# Up to so many channels a product with a band matrix is the faster on a CPU, for the convolution
# and for its gradient by the input (docs/speed.md).
THIN, THIN_GRADIENT = 4, 8
WINDOW = 5  # cells per side of the largest kernel that becomes a band
RUN = 4  # outputs of a row that a band gives
LETTERS = {1: "W", 2: "HW", 3: "DHW"}


class Geometry(NamedTuple):
    """All static numbers of a convolution, one entry a spatial axis; hashable for `custom_vjp`."""

    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    spread: tuple[int, ...]  # dilation of the input; it appears in gradients only
    dilation: tuple[int, ...]
    groups: int
    precision: Any = None


def conv(
    x: Array,
    kernel: Array,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: Any = None,
) -> Array:
    """Cross-correlation as in torch: y[o] = sum_{i, c} x[s o + d i - p, c] kernel[i, c].

    Args:
      x: `(B, H, W, C)`; also `(B, L, C)` and `(B, T, H, W, C)`.
      kernel: `(kh, kw, C / groups, F)`, of x's dtype.
      stride: one int, or one a spatial axis; so is `dilation`.
      padding: zeros on both sides of every axis, one int a spatial axis, or explicit pairs.
      groups: output features [g F/G, (g+1) F/G) see the input channels of group g alone.

    Returns: `(B, H', W', F)`, H' = floor((H + p_low + p_high - d (kh - 1) - 1) / s) + 1.
    """
    rank = x.ndim - 2
    _check(x, kernel, groups)
    geometry = Geometry(
        per_axis("conv: stride", stride, rank),
        pad_pairs("conv: padding", padding, rank),
        (1,) * rank,
        per_axis("conv: dilation", dilation, rank),
        groups,
        precision,
    )
    _check_fits(x, kernel, geometry)
    if groups > 1 and groups == x.shape[-1]:
        return _depthwise(x, kernel, geometry)
    if 1 < groups <= SPLIT_UP_TO:
        return _split(x, kernel, geometry)
    if groups == 1 and set(kernel.shape[:-2]) == {1} and not any(map(any, geometry.pads)):
        return _pointwise(x, kernel, geometry)
    return _conv(x, kernel, geometry)


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """`conv` behind the signature of `jax.lax.conv_general_dilated`, for `flax.linen.Conv`.

    `nn.Conv(..., conv_general_dilated=conv_general_dilated)` then has fast gradients in a loop.
    Only the form NHWC x HWIO -> NHWC without input dilation is taken; other use is an error.
    """
    rank = lhs.ndim - 2
    form = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    if form != _form(rank) or any(d != 1 for d in lhs_dilation or ()) or batch_group_count != 1:
        raise ValueError(
            "conv_general_dilated: takes NHWC x HWIO -> NHWC, no input dilation, no batch groups, "
            f"got {form}, lhs_dilation {lhs_dilation}, batch_group_count {batch_group_count}"
        )
    if preferred_element_type not in (None, lhs.dtype):
        raise ValueError(f"conv_general_dilated: the result has the dtype of lhs, {lhs.dtype}")
    dilation = tuple(rhs_dilation or (1,) * rank)
    if isinstance(padding, str):
        window = [(k - 1) * d + 1 for k, d in zip(rhs.shape[:-2], dilation, strict=True)]
        padding = lax.padtype_to_pads(lhs.shape[1:-1], window, window_strides, padding)
    return conv(
        lhs,
        rhs,
        stride=tuple(window_strides),
        padding=tuple(padding),
        dilation=dilation,
        groups=feature_group_count,
        precision=precision,
    )


def per_axis(who: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One positive int a spatial axis: an int is repeated."""
    values = (value,) * rank if isinstance(value, int | np.integer) else tuple(value)
    if len(values) != rank or any(v < 1 for v in values):
        raise ValueError(f"{who} must be an int >= 1, or {rank} of them, got {value}")
    return tuple(int(v) for v in values)


def pad_pairs(who: str, padding: Padding, rank: int) -> tuple[tuple[int, int], ...]:
    """Padding as (low, high) pairs: an int is repeated, an int of a sequence is meant twice."""
    if isinstance(padding, str):
        raise ValueError(f"{who} must be given in numbers, got {padding!r}; k // 2 keeps the size")
    entries = (padding,) * rank if isinstance(padding, int | np.integer) else tuple(padding)
    pairs = [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in entries]
    if len(pairs) != rank or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise ValueError(f"{who} must be an int >= 0, or {rank} ints or pairs, got {padding}")
    return tuple((int(low), int(high)) for low, high in pairs)


def out_sizes(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> tuple[int, ...]:
    """The spatial sizes of the result: floor((H + p_low + p_high - d (k - 1) - 1) / s) + 1."""
    stride, pads, spread, dilation = geometry[:4]
    return tuple(
        (_span(n, b) + low + high - _span(k, d)) // s + 1
        for n, k, s, (low, high), b, d in zip(
            sizes, window, stride, pads, spread, dilation, strict=True
        )
    )


def _span(size: int, dilation: int) -> int:
    return (size - 1) * dilation + 1


def _form(rank: int) -> lax.ConvDimensionNumbers:
    letters = LETTERS[rank]
    specs = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), specs)


def _check(x: Array, kernel: Array, groups: int) -> None:
    if x.ndim not in (3, 4, 5) or kernel.ndim != x.ndim:
        raise ValueError(
            "conv: x must be (B, H, W, C) and kernel (kh, kw, C, F), or both with one or three "
            f"spatial axes, got {x.shape} and {kernel.shape}"
        )
    channels, features = x.shape[-1], kernel.shape[-1]
    if (
        groups < 1
        or channels % groups
        or features % groups
        or kernel.shape[-2] * groups != channels
    ):
        raise ValueError(
            f"conv: {channels} channels and {features} features in {groups} groups need a kernel "
            f"(..., channels / groups, features), got {kernel.shape}"
        )
    if x.dtype != kernel.dtype or not jnp.issubdtype(x.dtype, jnp.inexact):
        raise ValueError(
            f"conv: x and kernel must have one float dtype, got {x.dtype} and {kernel.dtype}"
        )


def _check_fits(x: Array, kernel: Array, geometry: Geometry) -> None:
    if min(out_sizes(x.shape[1:-1], kernel.shape[:-2], geometry)) < 1:
        raise ValueError(
            f"conv: a kernel of {kernel.shape[:-2]} with dilation {geometry.dilation} does not fit "
            f"into {x.shape[1:-1]} with padding {geometry.pads}"
        )


def _plain(x: Array, kernel: Array, geometry: Geometry) -> Array:
    stride, pads, spread, dilation, groups, precision = geometry
    if min(min(pads)) < 0 and max(spread) == 1:  # a crop; negative padding would miss the fast form
        x = lax.pad(x, jnp.zeros((), x.dtype), _edges([(min(a, 0), min(b, 0)) for a, b in pads]))
        pads = tuple((max(a, 0), max(b, 0)) for a, b in pads)
    return lax.conv_general_dilated(
        x,
        kernel,
        stride,
        pads,
        lhs_dilation=spread,
        rhs_dilation=dilation,
        dimension_numbers=_form(x.ndim - 2),
        feature_group_count=groups,
        precision=precision,
    )


def _can_be_banded(x: Array, kernel: Array, geometry: Geometry) -> bool:
    image = x.ndim == 4 and max(kernel.shape[:2]) <= WINDOW
    plain = geometry.groups == 1 and max(geometry.spread) == 1 and min(map(min, geometry.pads)) >= 0
    return image and plain and jax.default_backend() == "cpu"


def _banded(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Runs of outputs of a row, each the product of its window of the input with one band matrix.

    The band holds the kernel at each of the `RUN` places, shifted; the rest of it is zeros.
    """
    (down, right), (rows, columns), _, (lower, apart) = geometry[:4]
    high, wide, channels, features = kernel.shape
    height, width = out_sizes(x.shape[1:3], (high, wide), geometry)
    window, step = _span(RUN, right) + _span(wide, apart) - 1, RUN * right
    runs, parts = -(-width // RUN), -(-window // step)
    rest = (runs + parts - 1) * step - x.shape[2] - columns[0]
    x = lax.pad(x, jnp.zeros((), x.dtype), _edges([rows, (columns[0], rest)]))
    x = x.reshape(*x.shape[:2], runs + parts - 1, step * channels)
    cut = [min(step, window - i * step) * channels for i in range(parts)]
    x = jnp.concatenate([x[:, :, i : i + runs, :n] for i, n in enumerate(cut)], axis=-1)
    lines = [x[:, i * lower : i * lower + _span(height, down) : down] for i in range(high)]
    place = right * np.arange(RUN)[:, None] + apart * np.arange(wide)
    at = jnp.asarray(np.arange(window)[:, None, None] == place, kernel.dtype)
    band = jnp.einsum("wrj,ijcf->iwcrf", at, kernel)
    band = band.reshape(high * window * channels, RUN * features)
    y = jnp.matmul(jnp.concatenate(lines, axis=-1), band, precision=geometry.precision)
    return y.reshape(len(x), height, runs * RUN, features)[:, :, :width]


def _pointwise(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """A 1x1 kernel is a product of matrices, whose gradients are too: six times faster there."""
    x = x[(slice(None), *(slice(None, None, s) for s in geometry.stride))]
    kernel = kernel.reshape(kernel.shape[-2:])
    return jnp.matmul(x, kernel, precision=geometry.precision)


def _split(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """A few groups as convolutions of their own: a grouped one has no fast form on a CPU."""
    groups = geometry.groups
    pairs = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
    return jnp.concatenate([_conv(a, b, geometry._replace(groups=1)) for a, b in pairs], -1)


def _edges(pads: Sequence[tuple[int, int]], inner: Sequence[int] | None = None) -> list:
    inner = inner or (0,) * len(pads)
    edges = [(low, high, gap) for (low, high), gap in zip(pads, inner, strict=True)]
    return [(0, 0, 0), *edges, (0, 0, 0)]


def input_geometry(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> Geometry:
    """The convolution that takes the output's gradient to the input's, kernel flipped."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(sizes, window, geometry)
    new_pads = []
    for n, k, o, s, (low, _), b, d in zip(
        sizes, window, out, stride, pads, spread, dilation, strict=True
    ):
        before = _span(k, d) - 1 - low
        new_pads.append((before, _span(n, b) + _span(k, d) - 1 - _span(o, s) - before))
    return geometry._replace(stride=spread, pads=tuple(new_pads), spread=stride)


def kernel_geometry(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> Geometry:
    """The convolution of the input with the output's gradient that gives the kernel's gradient."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(sizes, window, geometry)
    new_pads = tuple(
        (low, _span(o, s) + _span(k, d) - 1 - _span(n, b) - low)
        for n, k, o, s, (low, _), b, d in zip(
            sizes, window, out, stride, pads, spread, dilation, strict=True
        )
    )
    return geometry._replace(stride=dilation, pads=new_pads, dilation=stride)


# What is not differentiated stays a convolution, for others to read (`jaxdl summary`).
_conv = jax.custom_vjp(_plain, nondiff_argnums=(2,))


def _conv_forward(x: Array, kernel: Array, geometry: Geometry) -> tuple[Array, tuple]:
    thin = x.shape[-1] <= THIN and _can_be_banded(x, kernel, geometry)
    y = _banded(x, kernel, geometry) if thin else _conv(x, kernel, geometry)
    return y, (x, kernel)


def _conv_backward(geometry: Geometry, saved: tuple, grad: Array) -> tuple[Array, Array]:
    x, kernel = saved
    sizes, window = x.shape[1:-1], kernel.shape[:-2]
    if x.shape[-1] <= THIN_GRADIENT and _can_be_banded(x, kernel, geometry):
        (grad_x,) = jax.linear_transpose(lambda x: _banded(x, kernel, geometry), x)(grad)
    else:
        flipped = _swap_features(jnp.flip(kernel, range(len(window))), geometry.groups)
        grad_x = _conv(grad, flipped, input_geometry(sizes, window, geometry))
    grad_kernel = _conv(
        _batch_last(x, geometry.groups),
        jnp.moveaxis(grad, 0, -2),  # (H', W', B, F): the batch is what is summed over
        kernel_geometry(sizes, window, geometry),
    )
    return grad_x, jnp.moveaxis(grad_kernel, 0, -2)


def _swap_features(kernel: Array, groups: int) -> Array:
    """`(kh, kw, C / G, F)` -> `(kh, kw, F / G, C)`, group by group."""
    *window, channels, features = kernel.shape
    split = kernel.reshape(*window, channels, groups, features // groups)
    return jnp.swapaxes(split, -1, -3).reshape(*window, features // groups, groups * channels)


def _batch_last(x: Array, groups: int) -> Array:
    """`(B, H, W, C)` -> `(C / G, H, W, G B)`: group by group the batch becomes the channels."""
    batch, *sizes, channels = x.shape
    split = x.reshape(batch, *sizes, groups, channels // groups)
    turned = jnp.moveaxis(jnp.moveaxis(split, -1, 0), 1, -1)  # (C / G, H, W, G, B)
    return turned.reshape(channels // groups, *sizes, groups * batch)


_conv.defvjp(_conv_forward, _conv_backward)


def _depthwise_plain(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """One filter a channel as shifted multiply-adds: grouped convolutions are slow on a CPU."""
    *window, _, features = kernel.shape
    channels = x.shape[-1]
    kernel = kernel.reshape(*window, channels, features // channels)
    y = jnp.zeros((), x.dtype)
    with jax.named_scope(MULTIPLY_ADD):
        for tap, shifted in _taps(x, window, geometry):
            y = y + shifted[..., None] * kernel[tap][(None,) * (x.ndim - 1)]
    return y.reshape(*y.shape[:-2], features)


_depthwise = jax.custom_vjp(_depthwise_plain, nondiff_argnums=(2,))


def _depthwise_forward(x: Array, kernel: Array, geometry: Geometry) -> tuple[Array, tuple]:
    return _depthwise(x, kernel, geometry), (x, kernel)


def _depthwise_backward(geometry: Geometry, saved: tuple, grad: Array) -> tuple[Array, Array]:
    x, kernel = saved
    *window, _, features = kernel.shape
    channels = x.shape[-1]
    grad = grad.reshape(*grad.shape[:-1], channels, features // channels)
    axes = tuple(range(x.ndim - 1))
    taps = [jnp.sum(part[..., None] * grad, axes) for _, part in _taps(x, window, geometry)]
    grad_kernel = jnp.stack(taps).reshape(kernel.shape)
    flipped = jnp.flip(kernel, range(len(window))).reshape(*window, 1, channels, -1)
    back = input_geometry(x.shape[1:-1], window, geometry)
    # One pass for each filter of a channel; almost always there is one.
    parts = [_depthwise(grad[..., m], flipped[..., m], back) for m in range(flipped.shape[-1])]
    return reduce(jnp.add, parts), grad_kernel


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)


def _taps(x: Array, window: Sequence[int], geometry: Geometry):
    """For each kernel position the part of the padded input that it meets, `(B, H', W', C)`."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(x.shape[1:-1], window, geometry)
    x = lax.pad(x, jnp.zeros((), x.dtype), _edges(pads, [b - 1 for b in spread]))
    for tap in itertools.product(*map(range, window)):
        start = [t * d for t, d in zip(tap, dilation, strict=True)]
        stop = [a + _span(o, s) for a, o, s in zip(start, out, stride, strict=True)]
        yield tap, x[(slice(None), *map(slice, start, stop, stride))]
