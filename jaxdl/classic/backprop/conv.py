"""Convolution as one product of windows, with its backward pass written out."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.classic.backprop.windows import add_windows, cut_windows
from jaxdl.typing import Array


def conv(x: Array, kernel: Array, bias: Array, *, stride: int = 1, padding: int = 0) -> Array:
    """Cross-correlation: y[i, j, f] = sum over the window at (i, j) of x kernel[..., f], + bias[f].

    `(B, H, W, C)`, `(K, K, C, F)`, `(F,)` -> `(B, H', W', F)` with
    H' = (H - K + 2 padding) // stride + 1.

    dL/dkernel = sum of windows times dL/dy,  dL/dx = each dL/dy times the kernel, added up where
    its window lay,  dL/db = sum of dL/dy
    """
    check_rank("conv: x", x, 4)
    check_rank("conv: kernel", kernel, 4)
    if kernel.shape[0] != kernel.shape[1] or kernel.shape[2] != x.shape[3]:
        raise ValueError(
            f"conv: kernel must be square and take the {x.shape[3]} channels of x, "
            f"got shape {tuple(kernel.shape)}"
        )
    x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    return _conv(x, kernel, bias, stride)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _conv(x, kernel, bias, stride):
    return _forward(x, kernel, bias, stride)[0]


def _forward(x, kernel, bias, stride):
    windows = cut_windows(x, len(kernel), stride)
    y = jnp.einsum("bhwijc,ijcf->bhwf", windows, kernel) + bias[None, None, None, :]
    return y, (x, kernel)  # the windows are cut again on the way back: they are K^2 times as large


def _backward(stride, saved, slope):
    x, kernel = saved
    windows = cut_windows(x, len(kernel), stride)
    return (
        add_windows(jnp.einsum("bhwf,ijcf->bhwijc", slope, kernel), x.shape, stride),
        jnp.einsum("bhwijc,bhwf->ijcf", windows, slope),
        jnp.sum(slope, axis=(0, 1, 2)),
    )


_conv.defvjp(_forward, _backward)
