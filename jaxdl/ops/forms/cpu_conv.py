"""What a CPU computes for a convolution and its two gradients.

XLA's CPU compiler rewrites convolutions into its fast form only outside of loops, and JAX writes
both gradients with permuted dimension numbers, so that a scanned train step runs naive code. Here
the gradients are themselves convolutions of the one form NHWC x HWIO -> NHWC, with explicit
transposes. Where even that form is slow, with few channels, a product with a band matrix takes its
place in training. Over three axes all of XLA's forms are slow: there a convolution is one over the
last two axes, in which the slices that a window meets along the first one are channels.
"""

import itertools
from collections.abc import Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdl.ops.forms.conv_geometry import (
    Geometry,
    canonical_form,
    input_geometry,
    kernel_geometry,
    out_sizes,
    span,
)
from jaxdl.typing import Array

SPLIT_UP_TO = 8  # groups; more would make programs long and convolutions thin
# Up to so many channels a product with a band matrix is the faster on a CPU, for the convolution
# and for its gradient by the input (docs/speed.md).
THIN, THIN_GRADIENT = 4, 8
WINDOW = 5  # cells per side of the largest kernel that becomes a band
RUN = 4  # outputs of a row that a band gives


def forward(x: Array, kernel: Array, *, geometry: Geometry, trained: bool) -> Array:
    """The convolution; what is not trained stays one wherever it can."""
    kind = kind_of(x.shape, kernel.shape, geometry)
    if kind == "depthwise":
        return _depthwise(x, kernel, geometry)
    if kind == "pointwise":
        return _pointwise(x, kernel, geometry)
    if kind == "split":
        pairs, one = _groups(x, kernel, geometry)
        parts = [forward(a, b, geometry=one, trained=trained) for a, b in pairs]
        return jnp.concatenate(parts, -1)
    if kind == "volume":
        slices, flat = _slices(x, kernel.shape, geometry), _flat_kernel(kernel)
        y = forward(slices, flat, geometry=_of_slices(geometry), trained=trained)
        return y.reshape(len(x), -1, *y.shape[1:])
    if trained and x.shape[-1] <= THIN and _can_be_banded(x.shape, kernel.shape, geometry):
        return _banded(x, kernel, geometry)
    return plain(x, kernel, geometry)


def input_gradient(
    grad: Array, kernel: Array, shape: tuple[int, ...], *, geometry: Geometry
) -> Array:
    """The gradient by an input of that shape."""
    kind = kind_of(shape, kernel.shape, geometry)
    if kind == "depthwise":
        return _depthwise_input(grad, kernel, shape, geometry)
    if kind == "split":
        pairs, one = _groups(grad, kernel, geometry)
        shape = (*shape[:-1], shape[-1] // geometry.groups)
        parts = [input_gradient(a, b, shape, geometry=one) for a, b in pairs]
        return jnp.concatenate(parts, -1)
    if kind == "volume":
        cut = partial(_slices, kernel=kernel.shape, geometry=geometry)
        x = jax.ShapeDtypeStruct(shape, grad.dtype)
        slices = jax.eval_shape(cut, x).shape
        flat = grad.reshape(-1, *grad.shape[2:])
        one = _of_slices(geometry)
        found = input_gradient(flat, _flat_kernel(kernel), slices, geometry=one)
        return jax.linear_transpose(cut, x)(found)[0]
    thin = shape[-1] <= THIN_GRADIENT and _can_be_banded(shape, kernel.shape, geometry)
    if kind == "pointwise" or thin:
        product = _pointwise if kind == "pointwise" else _banded
        x = jax.ShapeDtypeStruct(shape, grad.dtype)
        return jax.linear_transpose(lambda x: product(x, kernel, geometry), x)(grad)[0]
    window = kernel.shape[:-2]
    flipped = _swap_features(jnp.flip(kernel, range(len(window))), geometry.groups)
    return plain(grad, flipped, input_geometry(shape[1:-1], window, geometry))


def kernel_gradient(x: Array, grad: Array, shape: tuple[int, ...], *, geometry: Geometry) -> Array:
    """The gradient by a kernel of that shape."""
    kind = kind_of(x.shape, shape, geometry)
    if kind == "depthwise":
        return _depthwise_kernel(x, grad, shape, geometry)
    if kind == "split":
        pairs, one = _groups(x, grad, geometry)
        shape = (*shape[:-1], shape[-1] // geometry.groups)
        parts = [kernel_gradient(a, b, shape, geometry=one) for a, b in pairs]
        return jnp.concatenate(parts, -1)
    if kind == "pointwise":
        kernel = jax.ShapeDtypeStruct(shape, grad.dtype)
        return jax.linear_transpose(lambda k: _pointwise(x, k, geometry), kernel)(grad)[0]
    if kind == "volume":
        slices, flat = _slices(x, shape, geometry), grad.reshape(-1, *grad.shape[2:])
        back = jax.linear_transpose(_flat_kernel, jax.ShapeDtypeStruct(shape, grad.dtype))
        window = (*shape[1:3], slices.shape[-1], shape[-1])
        one = _of_slices(geometry)
        return back(kernel_gradient(slices, flat, window, geometry=one))[0]
    made = plain(
        _batch_last(x, geometry.groups),
        jnp.moveaxis(grad, 0, -2),  # (H', W', B, F): the batch is what is summed over
        kernel_geometry(x.shape[1:-1], shape[:-2], geometry),
    )
    return jnp.moveaxis(made, 0, -2)


def kind_of(shape: Sequence[int], kernel: Sequence[int], geometry: Geometry) -> str:
    """Which of a CPU's forms an input and a kernel of these shapes take."""
    groups = geometry.groups
    if groups > 1 and groups == shape[-1]:
        return "depthwise"
    if 1 < groups <= SPLIT_UP_TO:
        return "split"
    if groups == 1 and set(kernel[:-2]) == {1} and not any(map(any, geometry.pads)):
        return "pointwise"
    return "volume" if groups == 1 and len(shape) == 5 else "plain"


def _groups(a: Array, b: Array, geometry: Geometry) -> tuple[list[tuple[Array, Array]], Geometry]:
    """A few groups as convolutions of their own: a grouped one has no fast form on a CPU."""
    count = geometry.groups
    pairs = zip(jnp.split(a, count, -1), jnp.split(b, count, -1), strict=True)
    return list(pairs), geometry._replace(groups=1)


def _slices(x: Array, kernel: Sequence[int], geometry: Geometry) -> Array:
    """For each cell of the first axis of the result the slices that its window meets, as channels.

    `(B, D, H, W, C)` -> `(B D', H, W, kd C)`.
    """
    deep, step, apart = kernel[0], geometry.stride[0], geometry.dilation[0]
    reach = span(out_sizes(x.shape[1:-1], kernel[:-2], geometry)[0], step)
    x = lax.pad(x, jnp.zeros((), x.dtype), _edges([geometry.pads[0], (0, 0), (0, 0)]))
    cut = [x[:, i * apart : i * apart + reach : step] for i in range(deep)]
    slices = jnp.concatenate(cut, axis=-1)
    return slices.reshape(-1, *slices.shape[2:])


def _flat_kernel(kernel: Array) -> Array:
    """`(kd, kh, kw, C, F)` -> `(kh, kw, kd C, F)`, for `_slices`."""
    turned = jnp.moveaxis(kernel, 0, 2)
    return turned.reshape(*turned.shape[:2], -1, turned.shape[-1])


def _of_slices(geometry: Geometry) -> Geometry:
    """What is left of the geometry over the last two axes."""
    return geometry._replace(
        stride=geometry.stride[1:],
        pads=geometry.pads[1:],
        spread=geometry.spread[1:],
        dilation=geometry.dilation[1:],
    )


def plain(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """One convolution of the form NHWC x HWIO -> NHWC."""
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
        dimension_numbers=canonical_form(x.ndim - 2),
        feature_group_count=groups,
        precision=precision,
    )


def _can_be_banded(shape: Sequence[int], kernel: Sequence[int], geometry: Geometry) -> bool:
    image = len(shape) == 4 and max(kernel[:2]) <= WINDOW
    simple = (
        geometry.groups == 1 and max(geometry.spread) == 1 and min(map(min, geometry.pads)) >= 0
    )
    return image and simple


def _banded(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """Runs of outputs of a row, each the product of its window of the input with one band matrix.

    The band holds the kernel at each of the `RUN` places, shifted; the rest of it is zeros.
    """
    (down, right), (rows, columns), _, (lower, apart) = geometry[:4]
    high, wide, channels, features = kernel.shape
    height, width = out_sizes(x.shape[1:3], (high, wide), geometry)
    window, step = span(RUN, right) + span(wide, apart) - 1, RUN * right
    runs, parts = -(-width // RUN), -(-window // step)
    rest = (runs + parts - 1) * step - x.shape[2] - columns[0]
    x = lax.pad(x, jnp.zeros((), x.dtype), _edges([rows, (columns[0], rest)]))
    x = x.reshape(*x.shape[:2], runs + parts - 1, step * channels)
    cut = [min(step, window - i * step) * channels for i in range(parts)]
    x = jnp.concatenate([x[:, :, i : i + runs, :n] for i, n in enumerate(cut)], axis=-1)
    lines = [x[:, i * lower : i * lower + span(height, down) : down] for i in range(high)]
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


def _edges(pads: Sequence[tuple[int, int]], inner: Sequence[int] | None = None) -> list:
    inner = inner or (0,) * len(pads)
    edges = [(low, high, gap) for (low, high), gap in zip(pads, inner, strict=True)]
    return [(0, 0, 0), *edges, (0, 0, 0)]


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


def _depthwise(x: Array, kernel: Array, geometry: Geometry) -> Array:
    """One filter a channel as shifted multiply-adds: grouped convolutions are slow on a CPU."""
    *window, _, features = kernel.shape
    channels = x.shape[-1]
    kernel = kernel.reshape(*window, channels, features // channels)
    y = jnp.zeros((), x.dtype)
    for tap, shifted in _taps(x, window, geometry):
        y = y + shifted[..., None] * kernel[tap][(None,) * (x.ndim - 1)]
    return y.reshape(*y.shape[:-2], features)


def _depthwise_input(
    grad: Array, kernel: Array, shape: tuple[int, ...], geometry: Geometry
) -> Array:
    *window, _, features = kernel.shape
    channels = shape[-1]
    grad = grad.reshape(*grad.shape[:-1], channels, features // channels)
    flipped = jnp.flip(kernel, range(len(window))).reshape(*window, 1, channels, -1)
    back = input_geometry(shape[1:-1], window, geometry)
    # One pass for each filter of a channel; almost always there is one.
    parts = [_depthwise(grad[..., m], flipped[..., m], back) for m in range(flipped.shape[-1])]
    return reduce(jnp.add, parts)


def _depthwise_kernel(x: Array, grad: Array, shape: tuple[int, ...], geometry: Geometry) -> Array:
    *window, _, features = shape
    channels = x.shape[-1]
    grad = grad.reshape(*grad.shape[:-1], channels, features // channels)
    axes = tuple(range(x.ndim - 1))
    taps = [jnp.sum(part[..., None] * grad, axes) for _, part in _taps(x, window, geometry)]
    return jnp.stack(taps).reshape(shape)


def _taps(x: Array, window: Sequence[int], geometry: Geometry):
    """For each kernel position the part of the padded input that it meets, `(B, H', W', C)`."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(x.shape[1:-1], window, geometry)
    x = lax.pad(x, jnp.zeros((), x.dtype), _edges(pads, [b - 1 for b in spread]))
    for tap in itertools.product(*map(range, window)):
        start = [t * d for t, d in zip(tap, dilation, strict=True)]
        stop = [a + span(o, s) for a, o, s in zip(start, out, stride, strict=True)]
        yield tap, x[(slice(None), *map(slice, start, stop, stride))]
