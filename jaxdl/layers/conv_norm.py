"""Convolution, normalization and activation, the unit that many networks repeat."""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax

from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.ops.forms.conv_geometry import Padding, per_axis
from jaxdl.typing import Array, ModuleDef


class ConvNorm(nn.Module):
    """act(norm(conv(x))), the convolution without bias: `(B, H, W, C)` -> `(B, H', W', features)`.

    Kernel and stride are an int or one a spatial axis. `padding` None keeps the size at stride 1
    (kernels are odd); "same" is TensorFlow's, H' = ceil(H / stride), where an odd row or column of
    zeros goes to the end. Without `norm` the convolution has a bias; without `act` nothing follows.
    Submodules: `conv`, `norm`.
    """

    features: int
    kernel_size: int | tuple[int, ...] = 3
    stride: int | tuple[int, ...] = 1
    padding: int | Literal["same"] | None = None
    groups: int = 1
    dilation: int = 1
    act: Callable[[Array], Array] | None = jax.nn.relu
    norm: ModuleDef | None = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = Conv(
            self.features,
            self.kernel_size,
            self.stride,
            self._pads(x.shape[1:-1]),
            self.dilation,
            groups=self.groups,
            use_bias=self.norm is None,
            name="conv",
        )(x)
        if self.norm is not None:
            x = self.norm(train=train, name="norm")(x)
        return x if self.act is None else self.act(x)

    def _pads(self, sizes: tuple[int, ...]) -> Padding:
        window = per_axis("ConvNorm: kernel_size", self.kernel_size, len(sizes))
        if self.padding == "same":
            stride = per_axis("ConvNorm: stride", self.stride, len(sizes))
            return jax.lax.padtype_to_pads(sizes, window, stride, "SAME")
        same = [self.dilation * (size // 2) for size in window]
        return same if self.padding is None else self.padding
