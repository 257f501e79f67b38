"""A convolutional net that learns CIFAR-10 in ten epochs, after the public speed records.

The ideas are those of David Page's "How to train your ResNet" (2018) and Keller Jordan's "94% on
CIFAR-10 in 3.29 seconds on a single GPU" (2024, arXiv 2404.00498): a first layer that whitens small
patches and is not trained, few wide layers, kernels that start as the identity, a scaled head.
"""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.conv import conv
from jaxdl.typing import Array, Host, Key, ModuleDef

gelu = partial(jax.nn.gelu, approximate=False)


def whitening_filters(images: Host, size: int = 2, *, eps: float = 5e-4) -> Host:
    """Filters whose outputs over the images' patches are uncorrelated, of variance 1, both signs.

    Row k is eigenvector k of the patches' second moments over sqrt(eigenvalue + eps):
    `(N, H, W, C)` -> `(size, size, C, 2 size^2 C)`.
    """
    check_rank("whitening_filters: images", images, 4)
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    patches = np.moveaxis(windows, 3, -1).reshape(-1, size * size * images.shape[-1])
    patches = patches.astype(np.float64)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    scaled = vectors / np.sqrt(values + eps)  # one filter a column
    both = np.concatenate([scaled, -scaled], axis=1)
    return both.reshape(size, size, images.shape[-1], -1).astype(np.float32)


def identity_kernel(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """He's normal, but the first features pass their own channel on: `(kh, kw, C, F)`, odd."""
    height, width, channels, features = shape
    kernel = nn.initializers.he_normal()(key, shape, dtype)
    same = min(channels, features)
    eye = jnp.eye(channels, same, dtype=dtype)
    kernel = kernel.at[..., :same].set(0)
    return kernel.at[height // 2, width // 2, :, :same].set(eye)


@register("speed_convnet")
class SpeedConvNet(nn.Module):
    """Whitening 2x2 conv - GELU - three groups [conv - pool - norm - GELU - conv - norm - GELU].

    Then a 3x3 maximum and a linear layer whose logits are divided by nine. `(B, H, W, C)`, H and W
    at least 25, -> logits `(B, num_classes)`; stages `whitened`, `group1` ... `group3`, `flat`. The
    whitening filters are in the collection `constants`: they are no parameters, nothing trains or
    decays them. `for_images` computes them; without it they are random.
    """

    num_classes: int
    widths: tuple[int, ...] = (64, 256, 256)  # features of each group
    scale: float = 1 / 9  # factor on the logits
    whitening: tuple[float, ...] | None = None
    norm: ModuleDef = partial(BatchNorm, momentum=0.4)

    @nn.nowrap
    def for_images(self, images: Host) -> "SpeedConvNet":
        """This model with the whitening filters of `images` `(N, H, W, C)`, as it sees them."""
        return self.clone(whitening=tuple(whitening_filters(images).ravel().tolist()))

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SpeedConvNet: x", x, 4)
        out: Stages = {}
        filters: Any = self.variable("constants", "whitening", self.start, x.shape[-1])
        x = conv(x, filters.value.astype(x.dtype))
        bias = self.param("whitening_bias", nn.initializers.zeros, x.shape[-1:], jnp.float32)
        x = out["whitened"] = gelu(x + bias.astype(x.dtype)[None, None, None])
        layer = partial(Conv, kernel_size=3, padding=1, use_bias=False, kernel_init=identity_kernel)
        for i, width in enumerate(self.widths, 1):
            x = layer(width, name=f"group{i}_conv1")(x)
            x = MaxPool(2, name=f"group{i}_pool")(x)
            x = gelu(self.norm(train=train, name=f"group{i}_norm1")(x))
            x = layer(width, name=f"group{i}_conv2")(x)
            x = out[f"group{i}"] = gelu(self.norm(train=train, name=f"group{i}_norm2")(x))
        x = MaxPool(3, name="pool")(x)
        x = out["flat"] = x.reshape(x.shape[0], -1)
        if self.num_classes:
            head = nn.Dense(self.num_classes, use_bias=False, name="head")
            x = out["logits"] = self.scale * head(x)
        return out if stages else x

    def start(self, channels: int) -> Array:
        """The whitening filters before training, `(2, 2, C, 8 C)`."""
        shape = (2, 2, channels, 8 * channels)
        if self.whitening:
            return jnp.asarray(self.whitening, jnp.float32).reshape(shape)
        return nn.initializers.orthogonal()(self.make_rng("params"), shape, jnp.float32)
