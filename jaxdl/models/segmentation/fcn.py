"""The first networks with a class for each pixel on a VGG: FCN-32s, FCN-16s, FCN-8s."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.models.convnets.vgg import VGG
from jaxdl.models.register import register
from jaxdl.models.segmentation.unet import fit_size
from jaxdl.models.stages import Stages
from jaxdl.ops.resize import resize
from jaxdl.typing import Array


@register("fcn8s_vgg16")
class FCN(nn.Module):
    """VGG's stages - 7x7 conv - 1x1 conv - classes, with what finer pools say of them added.

    Long et al. 2015, arXiv 1411.4038, figure 3. `(B, H, W, C)` -> logits `(B, H, W, num_classes)`;
    stages `pool3`, `pool4`, `pool5`, `score32`, `score16`, `score8` down to `stride`. Maps are
    enlarged by transposed 4x4 convolutions that begin as bilinear, the last one by `resize`. The
    7x7 convolution keeps the size, in place of the paper's padding by 100 pixels.
    """

    num_classes: int
    stride: int = 8  # of the finest map that speaks: 32, 16 or 8
    blocks: tuple[int, ...] = (2, 2, 3, 3, 3)  # convolutions of each stage of VGG
    filters: tuple[int, ...] = (64, 128, 256, 512, 512)  # of each stage
    hidden: int = 4096  # features of the two layers before the classes
    dropout: float = 0.5  # chance that an output of these is dropped in training

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("FCN: x", x, 4)
        check_one_of("FCN: stride", self.stride, (32, 16, 8))
        size = (x.shape[1], x.shape[2])
        if min(size) < 32:
            raise ValueError(f"FCN: images must have 32 pixels a side or more, got {size}")
        net: Any = VGG(0, self.blocks, self.filters, name="backbone")
        seen = net(x, train=train, stages=True)
        out: Stages = {name: seen[name] for name in ("pool3", "pool4", "pool5")}
        y = out["pool5"]
        for i, kernel in ((6, 7), (7, 1)):
            y = jax.nn.relu(Conv(self.hidden, kernel, padding=kernel // 2, name=f"conv{i}")(y))
            y = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(y)
        y = out["score32"] = Conv(self.num_classes, 1, name="score32")(y)
        for stride, pool in ((16, "pool4"), (8, "pool3")):
            if stride >= self.stride:
                own = Conv(self.num_classes, 1, name=f"score{stride}")(out[pool])
                larger = ConvTranspose(
                    self.num_classes,
                    4,
                    stride=2,
                    padding=1,
                    use_bias=False,
                    kernel_init=bilinear_kernel,
                    name=f"enlarge{stride}",
                )(y)
                y = out[f"score{stride}"] = own + fit_size(larger, own.shape[1:3])
        out["logits"] = resize(y, size)
        return out if stages else out["logits"]


@register("fcn16s_vgg16")
class FCN16s(FCN):
    """Without what the third pool says."""

    stride: int = 16  # of the finest map that speaks: 32, 16 or 8


@register("fcn32s_vgg16")
class FCN32s(FCN):
    """The last map alone."""

    stride: int = 32  # of the finest map that speaks: 32, 16 or 8


def bilinear_kernel(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """The transposed 4x4 convolution that enlarges each channel twice, bilinear: `(4, 4, C, C)`."""
    line = np.array([1, 3, 3, 1]) / 4
    return jnp.asarray(np.outer(line, line)[:, :, None, None] * np.eye(shape[2]), dtype)
