"""What detectors of heat maps are made of: larger features, and a head for each map.

Functions to be called inside a compact module, whose own parts they make.
"""

import flax.linen as nn
import jax

from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, ModuleDef

# A bias of -2.19 is a heat of .1: the first losses are not those of the empty ground.
RARE = -2.19


def enlarge(
    y: Array, features: int, times: int, *, norm: ModuleDef = BatchNorm, train: bool
) -> Array:
    """`times` (twice the size, 3x3 conv - norm - ReLU): `(B, H, W, C)` -> `(B, 2 H.., features)`.

    Enlarging is bilinear, where CenterNet has transposed convolutions that start bilinear.
    """
    for i in range(1, times + 1):
        y = resize(y, (2 * y.shape[1], 2 * y.shape[2]))
        y = ConvNorm(features, 3, norm=norm, name=f"up{i}")(y, train=train)
    return y


def map_head(y: Array, name: str, hidden: int, features: int, bias: float) -> Array:
    """3x3 conv - ReLU - 1x1 conv that starts near `bias`: `(B, H, W, features)`."""
    z = jax.nn.relu(Conv(hidden, 3, padding=1, name=f"{name}_hidden")(y))
    start, at = nn.initializers.normal(0.01), nn.initializers.constant(bias)
    return Conv(features, 1, kernel_init=start, bias_init=at, name=name)(z)
