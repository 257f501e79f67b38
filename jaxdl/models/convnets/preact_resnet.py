"""ResNet with pre-activation for small images, and the plain net that it is compared with."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.drop import DropPath
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.repeated_block import RepeatedBlock
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef


class PreActBlock(RepeatedBlock):
    """x + F(x), F twice [norm - act - 3x3 conv] (He et al. 2016, arXiv 1603.05027, fig. 1b).

    `(B, H, W, C)` -> `(B, ceil(H / stride), ceil(W / stride), features)`. Where the shape changes,
    x is act(norm(x)) through a 1x1 convolution. Without `residual` it is F alone. With
    `zero_last` it starts as x; `drop_path` is the chance that training leaves F out.
    """

    features: int
    stride: int = 1
    residual: bool = True
    zero_last: bool = False
    drop_path: float = 0.0
    act: Callable[[Array], Array] = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        conv = partial(Conv, self.features, use_bias=False)
        norm = partial(self.norm, train=train)
        first = self.act(norm(name="norm1")(x))
        y = conv(3, self.stride, padding=1, name="conv1")(first)
        y = self.act(norm(name="norm2")(y))
        last = nn.initializers.zeros if self.zero_last else nn.initializers.he_normal()
        y = conv(3, padding=1, kernel_init=last, name="conv2")(y)
        if not self.residual:
            return y
        y = DropPath(self.drop_path, deterministic=not train, name="drop")(y)
        if x.shape != y.shape:
            x = conv(1, self.stride, name="proj")(first)
        return x + y


class PreActResNet(nn.Module):
    """3x3 conv - stages of blocks at widths w, 2w, 4w - norm - act - mean - linear.

    `(B, H, W, C)` -> logits `(B, num_classes)`; stages `stem`, `stage1`, ... (before the next
    norm), `pooled`. With n blocks a stage it has 6n + 2 layers (He et al. 2016, arXiv 1603.05027,
    section 4; widths from arXiv 1512.03385, section 4.2).
    """

    num_classes: int
    blocks: tuple[int, ...] = (3, 3, 3)  # blocks of each stage
    width: int = 16  # features of the first stage; each further one has twice as many
    residual: bool = True  # False: the plain net, without shortcuts
    zero_last: bool = False  # the last convolution of a block starts at zero
    drop_path: float = 0.0  # chance that training skips the last block; earlier ones in proportion
    act: Callable[[Array], Array] = jax.nn.relu
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("PreActResNet: x", x, 4)
        out: Stages = {}
        block = partial(
            PreActBlock,
            residual=self.residual,
            zero_last=self.zero_last,
            act=self.act,
            norm=self.norm,
        )
        done, total = 0, sum(self.blocks)
        x = out["stem"] = Conv(self.width, 3, padding=1, use_bias=False, name="stem")(x)
        for stage, count in enumerate(self.blocks, 1):
            features = self.width * 2 ** (stage - 1)
            for i in range(1, count + 1):
                stride = 2 if stage > 1 and i == 1 else 1
                done += 1
                skip = self.drop_path * done / total
                name = f"stage{stage}_block{i}"
                x = block(features, stride, drop_path=skip, name=name)(x, train=train)
            out[f"stage{stage}"] = x
        x = self.act(self.norm(train=train, name="norm")(x))
        x = out["pooled"] = x.mean((1, 2))
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x


@register("preact_resnet20")
class PreActResNet20(PreActResNet):
    """20 layers with shortcuts."""


@register("preact_resnet32")
class PreActResNet32(PreActResNet):
    """32 layers with shortcuts."""

    blocks: tuple[int, ...] = (5, 5, 5)


@register("preact_resnet56")
class PreActResNet56(PreActResNet):
    """56 layers with shortcuts."""

    blocks: tuple[int, ...] = (9, 9, 9)


@register("preact_plain20")
class PreActPlain20(PreActResNet):
    """20 layers without shortcuts."""

    residual: bool = False


@register("preact_plain32")
class PreActPlain32(PreActPlain20):
    """32 layers without shortcuts."""

    blocks: tuple[int, ...] = (5, 5, 5)


@register("preact_plain56")
class PreActPlain56(PreActPlain20):
    """56 layers without shortcuts: deeper, and worse also on what it is trained on."""

    blocks: tuple[int, ...] = (9, 9, 9)
