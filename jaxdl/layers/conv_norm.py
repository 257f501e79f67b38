"""Convolution, normalization and activation, the unit that many networks repeat."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.typing import Array, ModuleDef


class ConvNorm(nn.Module):
    """act(norm(conv(x))), the convolution without bias: `(B, H, W, C)` -> `(B, H', W', features)`.

    `padding` None keeps the size at stride 1 (kernels are odd). Without `norm` the convolution has
    a bias; without `act` nothing follows. Submodules: `conv`, `norm`.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    padding: int | None = None
    groups: int = 1
    act: Callable[[Array], Array] | None = jax.nn.relu
    norm: ModuleDef | None = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = Conv(
            self.features,
            self.kernel_size,
            self.stride,
            self.kernel_size // 2 if self.padding is None else self.padding,
            groups=self.groups,
            use_bias=self.norm is None,
            name="conv",
        )(x)
        if self.norm is not None:
            x = self.norm(train=train, name="norm")(x)
        return x if self.act is None else self.act(x)
