"""Network in Network: a small perceptron in place of each linear filter, no linear layers."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import AvgPool, MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class MLPConv(nn.Module):
    """A convolution, then 1x1 ones: the same perceptron over every window (eq. 2).

    `(B, H, W, C)` -> `(B, H', W', features[-1])`, an activation after each.
    """

    features: tuple[int, ...]
    kernel: int
    act: Callable[[Array], Array] = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for i, features in enumerate(self.features, 1):
            kernel = self.kernel if i == 1 else 1
            x = self.act(
                Conv(
                    features,
                    kernel,
                    padding=kernel // 2,
                    kernel_init=nn.initializers.he_normal(),
                    name=f"conv{i}",
                )(x)
            )
        return x


@register("nin")
class NetworkInNetwork(nn.Module):
    """Three perceptron convolutions; the mean of the last one's maps are the logits (1312.4400).

    Lin et al. 2014, section 3; sizes, and a mean in the second pool, from the authors' code for
    CIFAR-10; pools are 3x3/2 and keep a last window that overhangs, dropout follows both. `(B, H,
    W, C)` -> logits `(B, num_classes)`; stages `mlpconv1` to `mlpconv3`, `pooled` (what the
    classes' 1x1 convolution reads, averaged).
    """

    num_classes: int
    filters: tuple[int, ...] = (192, 160, 96)  # of the three layers of the first mlpconv
    second: tuple[int, ...] = (192, 192, 192)  # of the second
    third: tuple[int, ...] = (192, 192)  # of the third, before one map a class
    kernels: tuple[int, ...] = (5, 5, 3)  # of the first layer of each
    dropout: float = 0.5  # chance that an input of the second and third is dropped in training
    rectified: bool = True  # an activation on the classes' maps, too; a short run may end all at 0
    act: Callable[[Array], Array] = jax.nn.relu

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("NetworkInNetwork: x", x, 4)
        out: Stages = {}
        units = (self.filters, self.second, self.third)
        for i, (features, kernel) in enumerate(zip(units, self.kernels, strict=True), 1):
            x = out[f"mlpconv{i}"] = MLPConv(features, kernel, self.act, name=f"mlpconv{i}")(x)
            if i < len(units):
                pool = MaxPool if i == 1 else AvgPool
                x = pool(3, 2, ceil_mode=True, name=f"pool{i}")(x)
                x = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(x)
        out["pooled"] = x.mean((1, 2))
        if not self.num_classes:
            return out if stages else out["pooled"]
        maps = Conv(self.num_classes, 1, kernel_init=nn.initializers.he_normal(), name="head")(x)
        x = out["logits"] = (self.act(maps) if self.rectified else maps).mean((1, 2))
        return out if stages else x
