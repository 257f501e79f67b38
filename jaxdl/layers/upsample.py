"""A map of twice the size with so many features, in every way that networks do it."""

import flax.linen as nn

from jaxdl.checks import check_one_of
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.ops.resize import METHODS as RESIZED
from jaxdl.ops.resize import resize
from jaxdl.ops.upsampling.pixel_shuffle import pixel_shuffle
from jaxdl.ops.upsampling.unpool import bed_of_nails
from jaxdl.typing import Array

METHODS = (*RESIZED, "nails", "transposed", "transposed3", "shuffle")


class Upsample(nn.Module):
    """`(B, H, W, C)` -> `(B, 2 H, 2 W, features)`.

    `method`: nearest, bilinear, bicubic and nails (a bed of nails) enlarge, then a 3x3 convolution
    follows; transposed is a transposed 2x2 convolution, whose windows do not overlap, transposed3 a
    3x3 one, whose windows do; shuffle gives each pixel four times the features by a 1x1
    convolution, which become pixels.
    """

    features: int
    method: str = "transposed"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_one_of("Upsample: method", self.method, METHODS)
        height, width = x.shape[1:3]
        if self.method == "transposed":
            return ConvTranspose(self.features, 2, stride=2, name="conv")(x)
        if self.method == "transposed3":
            return ConvTranspose(
                self.features, 3, stride=2, padding=1, output_padding=1, name="conv"
            )(x)
        if self.method == "shuffle":
            return pixel_shuffle(Conv(4 * self.features, 1, name="conv")(x))
        if self.method == "nails":
            x = bed_of_nails(x)
        else:
            x = resize(x, (2 * height, 2 * width), method=self.method)
        return Conv(self.features, 3, padding=1, name="conv")(x)
