"""The small convolutional nets that the notes learn with, each with torch's layer sizes.

All take `(B, H, W, C)` to logits `(B, num_classes)`; kernels start from Kaiming's normal, the last
linear one from LeCun's, biases from zero.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.activation import activation_layer, width_before
from jaxdl.layers.conv import Conv
from jaxdl.layers.initializers import initializer
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import FractionalMaxPool, MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef

he_dense = partial(nn.Dense, kernel_init=nn.initializers.he_normal())


@register("mnist_convnet")
class MNISTConvNet(nn.Module):
    """[conv(5) - pool - ReLU] twice - linear, without padding: 28x28 flattens to 320 values."""

    num_classes: int
    filters: tuple[int, ...] = (10, 20)  # of each convolution

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("MNISTConvNet: x", x, 4)
        out: Stages = {}
        for i, filters in enumerate(self.filters, 1):
            x = MaxPool(2, name=f"pool{i}")(Conv(filters, 5, name=f"conv{i}")(x))
            x = out[f"stage{i}"] = nn.relu(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("cifar_convnet")
class CIFARConvNet(nn.Module):
    """[conv(5, p2) - pool] three times - linear - linear; it has no activations.

    32x32 flattens to 1024 values. Between its max pools it is linear, which is what it shows.
    """

    num_classes: int
    filters: tuple[int, ...] = (32, 32, 64)  # of each convolution
    hidden: int = 64  # width of the hidden linear layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("CIFARConvNet: x", x, 4)
        out: Stages = {}
        for i, filters in enumerate(self.filters, 1):
            x = Conv(filters, 5, padding=2, name=f"conv{i}")(x)
            x = out[f"stage{i}"] = MaxPool(2, name=f"pool{i}")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["hidden"] = nn.Dense(self.hidden, name="fc1")(x)
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("three_layer_convnet")
class ThreeLayerConvNet(nn.Module):
    """conv - ReLU - 2x2 pool - linear - ReLU - linear; the convolution keeps the size."""

    num_classes: int
    filters: int = 32  # of the convolution
    kernel: int = 7  # its size, odd
    hidden: int = 100  # width of the hidden linear layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("ThreeLayerConvNet: x", x, 4)
        out: Stages = {}
        x = nn.relu(Conv(self.filters, self.kernel, padding=self.kernel // 2, name="conv1")(x))
        x = out["stage1"] = MaxPool(2, name="pool1")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["hidden"] = nn.relu(he_dense(self.hidden, name="fc1")(x))
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("flat_convnet")
class FlatConvNet(nn.Module):
    """[conv - ReLU] for every kernel, at full size, then a linear layer.

    With `filters` (20, 20), `kernels` (5, 5), `paddings` (0, 0) and no classes it is the notes'
    first model of two convolutions.
    """

    num_classes: int
    filters: tuple[int, ...] = (32, 16)  # of each convolution
    kernels: tuple[int, ...] = (5, 3)  # their sizes
    paddings: tuple[int, ...] = (2, 1)  # zeros around their inputs

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("FlatConvNet: x", x, 4)
        out: Stages = {}
        layers = zip(self.filters, self.kernels, self.paddings, strict=True)
        for i, (filters, kernel, padding) in enumerate(layers, 1):
            x = nn.relu(Conv(filters, kernel, padding=padding, name=f"conv{i}")(x))
            out[f"stage{i}"] = x
        if self.num_classes:
            x = out["flat"] = x.reshape(x.shape[0], -1)
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("deep_convnet")
class DeepConvNet(nn.Module):
    """[3x3 conv - (norm) - act - (2x2 pool)] for every filter count - (dropout) - linear.

    `pool` fractional divides the size by about `pool_ratio` at random places, in evaluation at the
    middle ones.
    """

    num_classes: int
    filters: tuple[int, ...] = (8, 8, 8, 8, 8)  # of each convolution
    pools: tuple[int, ...] = (1, 2, 3, 4, 5)  # the convolutions, from 1, that a pool follows
    batch_norm: bool = False  # normalize after each convolution, which then has no bias
    dropout: float = 0.0  # chance that a value before the linear layer is dropped in training
    act: str = "relu"  # relu, tanh, elu, selu, gelu, prelu, maxout, ...
    weight_init: str = "kaiming"  # of the convolutions: zeros, normal (0.01), lecun, xavier, ...
    pool: str = "max"  # max or fractional
    pool_ratio: float = 1.5  # of fractional: how much smaller a pool makes a side
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("DeepConvNet: x", x, 4)
        out: Stages = {}
        for i, filters in enumerate(self.filters, 1):
            x = Conv(
                width_before(self.act, filters),
                3,
                padding=1,
                use_bias=not self.batch_norm,
                kernel_init=initializer(self.weight_init),
                name=f"conv{i}",
            )(x)
            if self.batch_norm:
                x = self.norm(train=train, name=f"norm{i}")(x)
            x = activation_layer(self.act)(x)
            if i in self.pools:
                x = self._pool(train, name=f"pool{i}")(x)
            out[f"stage{i}"] = x
        x = out["flat"] = x.reshape(x.shape[0], -1)
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x

    @nn.nowrap
    def _pool(self, train: bool, name: str) -> nn.Module:
        check_one_of("DeepConvNet: pool", self.pool, ("max", "fractional"))
        if self.pool == "max":
            return MaxPool(2, name=name)
        return FractionalMaxPool(self.pool_ratio, deterministic=not train, name=name)


@register("strided_convnet")
class StridedConvNet(nn.Module):
    """[conv(4, stride 2, p1) - ReLU] for every filter count - linear - ReLU - linear.

    The net that Wong, Rice and Kolter 2020 (arXiv 2001.03994, section 5.1) train against attacks
    on MNIST.
    """

    num_classes: int
    filters: tuple[int, ...] = (16, 32)  # of each convolution
    hidden: int = 100  # width of the hidden linear layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("StridedConvNet: x", x, 4)
        out: Stages = {}
        for i, filters in enumerate(self.filters, 1):
            x = out[f"stage{i}"] = nn.relu(Conv(filters, 4, 2, padding=1, name=f"conv{i}")(x))
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["hidden"] = nn.relu(he_dense(self.hidden, name="fc1")(x))
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("signal_head")
class SignalHead(nn.Module):
    """A strided convolution without bias - act - dropout - flatten (- linear) over signals.

    `(B, time, channels, 1)`; 125 x 128 gives 8 x 8 windows of 16 filters, 1024 features.
    """

    num_classes: int
    filters: int = 16  # of the convolution
    window: tuple[int, int] = (15, 16)  # its size and its stride
    dropout: float = 0.45  # chance that a value is dropped in training
    act: Callable[[Array], Array] = partial(jax.nn.gelu, approximate=False)

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SignalHead: x", x, 4)
        out: Stages = {}
        x = Conv(self.filters, self.window, self.window, use_bias=False, name="conv1")(x)
        x = out["stage1"] = self.act(x)
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x
