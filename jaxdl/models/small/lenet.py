"""LeNet-5 (LeCun et al. 1998): as the paper has it, and in the form that Caffe made common."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import AvgPool, MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array

he = nn.initializers.he_normal()


@register("lenet")
class LeNet(nn.Module):
    """conv(5, p2) - ReLU - pool - conv(5, p2) - ReLU - pool - linear - ReLU - linear.

    `(B, H, W, C)`, H and W at least 4, -> logits `(B, num_classes)`; 28x28 flattens to 2450 values
    at the default widths. Kernels start from Kaiming's normal, the last from LeCun's, biases from
    zero.
    """

    num_classes: int
    conv1: int = 20  # filters of the first convolution
    conv2: int = 50  # filters of the second convolution
    hidden: int = 500  # width of the hidden linear layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("LeNet: x", x, 4)
        out: Stages = {}
        for i, features in enumerate((self.conv1, self.conv2), 1):
            x = nn.relu(Conv(features, 5, padding=2, name=f"conv{i}")(x))
            x = out[f"stage{i}"] = MaxPool(2, name=f"pool{i}")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = nn.relu(nn.Dense(self.hidden, kernel_init=he, name="fc1")(x))
            out["hidden"] = x
            x = out["logits"] = nn.Dense(self.num_classes, name="fc2")(x)
        return out if stages else x


class Subsample(nn.Module):
    """tanh(a mean + b) of every 2x2 window, a and b one per channel: `(B, H, W, C)` halved."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        gain = self.param("scale", nn.initializers.ones, (x.shape[-1],), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        mean = AvgPool(2, name="mean")(x)
        return jnp.tanh(mean * gain[None, None, None] + bias[None, None, None])


@register("lenet_1998")
class LeNet1998(nn.Module):
    """conv 6 - subsample - conv 16 - subsample - conv 120 - linear 84 - Gaussian output.

    LeCun, Bottou, Bengio and Haffner 1998, section II.B: 5x5 kernels, tanh, 32x32 images (28x28
    with `padding` 2). Each class has a code of 84 values; its logit is minus half the squared
    distance to it, so that a softmax gives Gaussian shares. All maps of the second convolution see
    all six below it (the paper leaves some out), and the codes, random signs, are trained.
    `(B, H, W, C)` -> logits `(B, num_classes)`.
    """

    num_classes: int
    filters: tuple[int, ...] = (6, 16, 120)  # of each convolution
    hidden: int = 84  # width of the linear layer, and of the codes
    padding: int = 2  # zeros around the image

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("LeNet1998: x", x, 4)
        out: Stages = {}
        init = nn.initializers.lecun_normal()
        for i, features in enumerate(self.filters, 1):
            padding = self.padding if i == 1 else 0
            x = Conv(features, 5, padding=padding, kernel_init=init, name=f"conv{i}")(x)
            x = jnp.tanh(x)
            if i < len(self.filters):
                x = Subsample(name=f"pool{i}")(x)
            out[f"stage{i}"] = x
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["hidden"] = jnp.tanh(nn.Dense(self.hidden, name="fc")(x))
            codes = self.param(
                "codes", jax.random.rademacher, (self.num_classes, self.hidden), jnp.float32
            )
            x = out["logits"] = -0.5 * jnp.sum((x[:, None] - codes[None]) ** 2, axis=-1)
        return out if stages else x
