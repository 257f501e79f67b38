"""Transposed convolution: on a CPU one matrix product and shifted additions, elsewhere JAX's.

As a convolution with a spread input it is slow on a CPU, and its gradients are slower.
"""

import jax.numpy as jnp
from jax import lax

from jaxdl.checks import check_rank
from jaxdl.ops.forms.bilinear import Bilinear
from jaxdl.ops.forms.conv_geometry import canonical_form
from jaxdl.typing import Array


def conv_transpose(
    x: Array, kernel: Array, *, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Array:
    """y[s i + t - p] += x[i] kernel[t], torch's `ConvTranspose2d`, overlaps summed.

    Args:
      x: `(B, H, W, C)`.
      kernel: `(k, k, C, F)`; `padding` of the convolution that it turns round, at most k - 1.
      output_padding: rows and columns, fewer than `stride`, added at the end.

    Returns: `(B, H', W', F)`, H' = (H - 1) s - 2 p + k + output_padding.
    """
    check_rank("conv_transpose: x", x, 4)
    check_rank("conv_transpose: kernel", kernel, 4)
    size, width, channels, _ = kernel.shape
    if size != width or channels != x.shape[-1]:
        raise ValueError(
            f"conv_transpose: kernel must be (k, k, {x.shape[-1]}, F), got {kernel.shape}"
        )
    if stride < 1 or not 0 <= padding < size or not 0 <= output_padding < stride:
        raise ValueError(
            "conv_transpose: stride >= 1, 0 <= padding < k, 0 <= output_padding < stride, got "
            f"{stride}, {padding}, {output_padding}"
        )
    return _conv_transpose(x, kernel, stride=stride, padding=padding, more=output_padding)


def _cpu(x: Array, kernel: Array, *, stride: int, padding: int, more: int, trained: bool) -> Array:
    """One matrix product and shifted additions; so are its gradients, inside a loop or not."""
    size, _, channels, features = kernel.shape
    batch, *sizes, _ = x.shape
    taps = -(-size // stride)  # of the kernel in each phase of the output: t = s q + r
    edge = taps * stride - size
    kernel = jnp.pad(kernel, [(0, edge), (0, edge), (0, 0), (0, 0)])
    columns = x.reshape(-1, channels) @ kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
    columns = columns.reshape(batch, *sizes, taps, stride, taps, stride, features)
    whole = jnp.zeros((), x.dtype)
    for i in range(taps):
        for j in range(taps):
            rest = [(0, 0), (i, taps - 1 - i), (j, taps - 1 - j), (0, 0), (0, 0), (0, 0)]
            whole = whole + jnp.pad(columns[:, :, :, i, :, j], rest)
    spread = [(n + taps - 1) * stride for n in sizes]
    whole = whole.transpose(0, 1, 3, 2, 4, 5).reshape(batch, *spread, features)
    out = [(n - 1) * stride - 2 * padding + size + more for n in sizes]
    # A padded end may reach past the last value: those are zeros.
    short = [max(0, padding + o - s) for o, s in zip(out, spread, strict=True)]
    whole = jnp.pad(whole, [(0, 0), (0, short[0]), (0, short[1]), (0, 0)])
    return whole[:, padding : padding + out[0], padding : padding + out[1]]


def _stock(x: Array, kernel: Array, *, stride: int, padding: int, more: int) -> Array:
    low = len(kernel) - 1 - padding
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, (0, 1)),
        (1, 1),
        [(low, low + more)] * 2,
        lhs_dilation=(stride, stride),
        dimension_numbers=canonical_form(2),
    )


_conv_transpose = Bilinear("jaxdl_conv_transpose", cpu=_cpu, stock=_stock)
