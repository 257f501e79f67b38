"""I3D: a network for images, inflated into one for clips."""

from functools import partial
from typing import Any

import flax.linen as nn
import flax.traverse_util
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.models.convnets.googlenet import TABLE, Inception
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef, Tree


class StillConvNorm(nn.Module):
    """k x k x k convolution - norm - relu; the first and last frames are repeated beyond the ends.

    Zeros there would make a still clip look as if it began and ended. `(B, T, H, W, C)` -> `(B,
    T', H', W', features)`. Submodules as in `ConvNorm`.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        half = self.kernel_size // 2
        x = jnp.pad(x, ((0, 0), (half, half), (0, 0), (0, 0), (0, 0)), mode="edge")
        padding = (0, half, half)
        conv = partial(Conv, padding=padding, use_bias=False, name="conv")
        x = conv(self.features, self.kernel_size, self.stride)(x)
        return nn.relu(self.norm(train=train, name="norm")(x))


class I3D(nn.Module):
    """GoogLeNet over clips (Carreira & Zisserman 2017, arXiv 1705.07750, fig. 3).

    `(B, T, H, W, C)` -> logits `(B, num_classes)`. The first convolution and the pools of the last
    two groups of blocks stride over time, too. Its variables are named as those of our GoogLeNet
    without auxiliary classifiers: see `inflate`.
    """

    num_classes: int
    wide_kernel: int = 3  # of the widest branch, as in GoogLeNet
    dropout: float = 0.2
    stem: tuple[int, ...] = (64, 64, 192)  # features of the first three convolutions
    blocks: tuple[tuple[str, tuple[int, ...]], ...] = TABLE
    norm: ModuleDef = partial(BatchNorm, eps=1e-3)

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("I3D: x", x, 5)
        out: Stages = {}
        unit = partial(StillConvNorm, norm=self.norm)
        pool = partial(MaxPool, (1, 3, 3), (1, 2, 2), ceil_mode=True)
        x = out["conv1"] = unit(self.stem[0], 7, 2, name="conv1")(x, train=train)
        x = unit(self.stem[1], 1, name="conv2")(pool(name="pool1")(x), train=train)
        x = out["conv3"] = unit(self.stem[2], 3, name="conv3")(x, train=train)
        x = pool(name="pool2")(x)
        for name, widths in self.blocks:
            if name in ("inception4a", "inception5a"):
                window = 3 if name == "inception4a" else 2
                x = MaxPool(window, 2, ceil_mode=True, name=f"pool{name[-2]}_in")(x)
            x = out[name] = Inception(widths, self.wide_kernel, unit, name=name)(x, train=train)
        x = out["pooled"] = x.mean((1, 2, 3))
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else out["logits"]


def inflate(variables: Tree, like: Tree) -> Tree:
    """Variables of an image network as those of its inflated form, of `like`'s shapes.

    A kernel `(kh, kw, C, F)` becomes `(kt, kh, kw, C, F)`: copied over time and divided by kt, so
    that a clip in which nothing moves gives what its image gave (arXiv 1705.07750, section 2.4).
    Raises ValueError with the names that do not fit.
    """
    given: Any = flax.traverse_util.flatten_dict(variables, sep="/")
    wanted: Any = flax.traverse_util.flatten_dict(like, sep="/")
    wrong = sorted(given.keys() ^ wanted.keys())
    made = {}
    for name in given.keys() & wanted.keys():
        value, shape = given[name], tuple(wanted[name].shape)
        if len(shape) == 5 and value.shape == shape[1:]:
            made[name] = jnp.broadcast_to(value / shape[0], shape)
        elif value.shape == shape:
            made[name] = value
        else:
            wrong.append(f"{name} {value.shape} for {shape}")
    if wrong:
        raise ValueError(f"inflate: the variables do not fit the clip network: {', '.join(wrong)}")
    return flax.traverse_util.unflatten_dict(made, sep="/")
