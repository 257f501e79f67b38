"""AlexNet and its tuned successor ZFNet."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.pool import adaptive_avg_pool
from jaxdl.typing import Array

he = nn.initializers.he_normal()


@register("alexnet")
class AlexNet(nn.Module):
    """Five convolutions and three linear layers (Krizhevsky 2014, arXiv 1404.5997: one column).

    conv(11, s4, p2) - pool - conv(5, p2) - pool - three times conv(3, p1) - pool, all pools 3x3/2,
    ReLU after every layer, dropout before fc6 and fc7, no local response norm. `(B, H, W, C)` ->
    logits `(B, num_classes)`, meant for 227x227 or 224x224; of another size the last maps are
    averaged to 6x6. Stages `conv1` ... `conv5`, `pool1`, `pool2`, `pool5`, `fc6`, `fc7`.
    """

    num_classes: int
    filters: tuple[int, ...] = (64, 192, 384, 256, 256)  # of each convolution
    kernels: tuple[int, ...] = (11, 5, 3, 3, 3)  # their sizes
    strides: tuple[int, ...] = (4, 1, 1, 1, 1)  # their strides
    paddings: tuple[int, ...] = (2, 2, 1, 1, 1)  # zeros around their inputs
    ceil_mode: bool = False  # pools also keep a last window that overhangs
    hidden: int = 4096  # width of fc6 and fc7
    dropout: float = 0.5  # chance that an input of fc6 or fc7 is dropped in training
    act: Callable[[Array], Array] = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank(f"{type(self).__name__}: x", x, 4)
        out: Stages = {}
        layers = zip(self.filters, self.kernels, self.strides, self.paddings, strict=True)
        for i, (filters, kernel, stride, padding) in enumerate(layers, 1):
            x = Conv(filters, kernel, stride, padding, name=f"conv{i}")(x)
            x = out[f"conv{i}"] = self.act(x)
            if i in (1, 2, 5):
                x = out[f"pool{i}"] = MaxPool(3, 2, ceil_mode=self.ceil_mode, name=f"pool{i}")(x)
        x = adaptive_avg_pool(x, 6)
        x = x.reshape(x.shape[0], -1)
        if not self.num_classes:
            return out if stages else x
        for i in (6, 7):
            x = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(x)
            x = self.act(nn.Dense(self.hidden, kernel_init=he, name=f"fc{i}")(x))
            out[f"fc{i}"] = x
        x = out["logits"] = nn.Dense(self.num_classes, name="fc8")(x)
        return out if stages else x


@register("zfnet")
class ZFNet(AlexNet):
    """A finer first layer and more features later (Zeiler & Fergus 2014, arXiv 1311.2901, fig. 3).

    conv(7, s2) 96 - conv(5, s2) 256 - 512 - 1024 - 512: their widest variant, which the notes take.
    224x224 gives maps of 110, 55, 26, 13 and 6 pixels, as printed there.
    """

    filters: tuple[int, ...] = (96, 256, 512, 1024, 512)
    kernels: tuple[int, ...] = (7, 5, 3, 3, 3)
    strides: tuple[int, ...] = (2, 2, 1, 1, 1)
    paddings: tuple[int, ...] = (1, 0, 1, 1, 1)
    ceil_mode: bool = True
