"""VGG: nothing but 3x3 convolutions and 2x2 pools."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.pool import adaptive_avg_pool
from jaxdl.typing import Array, ModuleDef

he = nn.initializers.he_normal()


class VGG(nn.Module):
    """Stages of [3x3 conv (p1) - ReLU], a 2x2 pool after each, three linear layers (1409.1556).

    Two 3x3 convolutions see what a 5x5 sees with 18 weights for 25, three what a 7x7 sees with 27
    for 49. `(B, H, W, C)` -> logits `(B, num_classes)`, meant for 224x224; of another size the last
    maps are averaged to 7x7. Stages `conv1_1`, `conv1_2`, ... (after the activation), `pool1` ...
    `pool5` (strides 2 to 32), `fc6`, `fc7`. Simonyan & Zisserman 2015.
    """

    num_classes: int
    blocks: tuple[int, ...] = (2, 2, 3, 3, 3)  # convolutions of each stage
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)  # of each stage
    batch_norm: bool = False  # normalize after each convolution
    hidden: int = 4096  # width of fc6 and fc7
    dropout: float = 0.5  # chance that an output of fc6 or fc7 is dropped in training
    act: Callable[[Array], Array] = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("VGG: x", x, 4)
        out: Stages = {}
        for stage, (count, filters) in enumerate(zip(self.blocks, self.filters, strict=True), 1):
            for i in range(1, count + 1):
                x = Conv(filters, 3, padding=1, name=f"conv{stage}_{i}")(x)
                if self.batch_norm:
                    x = self.norm(train=train, name=f"norm{stage}_{i}")(x)
                x = out[f"conv{stage}_{i}"] = self.act(x)
            x = out[f"pool{stage}"] = MaxPool(2, name=f"pool{stage}")(x)
        x = adaptive_avg_pool(x, 7)
        x = x.reshape(x.shape[0], -1)
        if not self.num_classes:
            return out if stages else x
        for i in (6, 7):
            x = self.act(nn.Dense(self.hidden, kernel_init=he, name=f"fc{i}")(x))
            x = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(x)
            out[f"fc{i}"] = x
        x = out["logits"] = nn.Dense(self.num_classes, name="fc8")(x)
        return out if stages else x


@register("vgg11")
class VGG11(VGG):
    """11 layers with weights: 1-1-2-2-2 convolutions and 3 linear ones."""

    blocks: tuple[int, ...] = (1, 1, 2, 2, 2)


@register("vgg11_bn")
class VGG11BN(VGG11):
    """VGG-11 with batch norm."""

    batch_norm: bool = True


@register("vgg13")
class VGG13(VGG):
    """13 layers with weights: 2-2-2-2-2 convolutions and 3 linear ones."""

    blocks: tuple[int, ...] = (2, 2, 2, 2, 2)


@register("vgg13_bn")
class VGG13BN(VGG13):
    """VGG-13 with batch norm."""

    batch_norm: bool = True


@register("vgg16")
class VGG16(VGG):
    """16 layers with weights: 2-2-3-3-3 convolutions and 3 linear ones."""


@register("vgg16_bn")
class VGG16BN(VGG16):
    """VGG-16 with batch norm."""

    batch_norm: bool = True


@register("vgg19")
class VGG19(VGG):
    """19 layers with weights: 2-2-4-4-4 convolutions and 3 linear ones."""

    blocks: tuple[int, ...] = (2, 2, 4, 4, 4)


@register("vgg19_bn")
class VGG19BN(VGG19):
    """VGG-19 with batch norm."""

    batch_norm: bool = True
