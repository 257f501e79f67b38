"""Convolution with a form and gradients of its own on a CPU; everywhere else it is JAX's."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxdl.ops.forms import cpu_conv
from jaxdl.ops.forms.bilinear import Bilinear
from jaxdl.ops.forms.conv_geometry import (
    Geometry,
    Padding,
    canonical_form,
    out_sizes,
    pad_pairs,
    per_axis,
)
from jaxdl.typing import Array


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
      stride: one int, or one per spatial axis; so is `dilation`.
      padding: zeros on both sides of every axis, one int per spatial axis, or explicit pairs.
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
    return _conv(x, kernel, geometry=geometry)


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
    if (
        form != canonical_form(rank)
        or any(d != 1 for d in lhs_dilation or ())
        or batch_group_count != 1
    ):
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


def _stock(x: Array, kernel: Array, *, geometry: Geometry) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.stride,
        geometry.pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=canonical_form(x.ndim - 2),
        feature_group_count=geometry.groups,
        precision=geometry.precision,
    )


_conv = Bilinear(
    "jaxdl_conv",
    cpu=cpu_conv.forward,
    stock=_stock,
    gradients={"a": cpu_conv.input_gradient, "b": cpu_conv.kernel_gradient},
)
