"""torchvision's networks with a class for each pixel, on a ResNet or a MobileNet v3."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.models.convnets.resnet import ResNet50
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.ops.resize import resize
from jaxdl.typing import Array


class FCNHead(nn.Module):
    """3x3 conv to a quarter of the features - norm - ReLU - dropout - 1x1 conv to the classes.

    `(B, H, W, C)` -> logits `(B, H, W, num_classes)`; torchvision's form of Long et al. 2015.
    """

    num_classes: int
    dropout: float = 0.1

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = ConvNorm(x.shape[-1] // 4, name="hidden")(x, train=train)
        x = nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)
        return Conv(self.num_classes, 1, name="out")(x)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al. 2017, arXiv 1706.05587, section 3.3).

    A 1x1 convolution, 3x3 ones with these dilations, and the mean of the map, each with norm and
    ReLU, side by side; then 1x1 to `features`. `(B, H, W, C)` -> `(B, H, W, features)`.
    """

    features: int = 256
    rates: tuple[int, ...] = (12, 24, 36)
    dropout: float = 0.5

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        unit = partial(ConvNorm, self.features)
        maps = [unit(1, name="one")(x, train=train)]
        for i, rate in enumerate(self.rates, 1):
            maps.append(unit(3, dilation=rate, name=f"wide{i}")(x, train=train))
        mean = unit(1, name="mean")(x.mean((1, 2), keepdims=True), train=train)
        maps.append(jnp.broadcast_to(mean, maps[0].shape))
        x = unit(1, name="project")(jnp.concatenate(maps, axis=-1), train=train)
        return nn.Dropout(self.dropout, deterministic=not train, name="drop")(x)


class DeepLabHead(nn.Module):
    """ASPP - 3x3 conv - norm - ReLU - 1x1 conv to the classes: `(B, H, W, C)` -> logits."""

    num_classes: int
    features: int = 256

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = ASPP(self.features, name="aspp")(x, train=train)
        x = ConvNorm(self.features, name="hidden")(x, train=train)
        return Conv(self.num_classes, 1, name="out")(x)


class StageSegmenter(nn.Module):
    """A head on the last stage of a classifier, and while training one on an earlier stage.

    `(B, H, W, 3)` -> logits `(B, H, W, num_classes)`, bilinear to the size of the picture; stages
    `features`, `aux` where there is one, `logits`.
    """

    num_classes: int
    head: str = "fcn"  # fcn or deeplab
    aux: bool = True  # with a head on an earlier stage, as in the published weights
    width: int = 256  # features of DeepLab's head

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank(f"{type(self).__name__}: x", x, 4)
        size = (x.shape[1], x.shape[2])
        last, earlier = self.seen(x, train)
        out: Stages = {"features": last}
        if self.aux:
            aux = FCNHead(self.num_classes, name="aux_head")(earlier, train=train)
            out["aux"] = resize(aux, size)
        if self.head == "deeplab":
            head = DeepLabHead(self.num_classes, self.width, name="head")
        else:
            head = FCNHead(self.num_classes, name="head")
        out["logits"] = resize(head(last, train=train), size)
        return out if stages else out["logits"]

    @nn.nowrap
    def seen(self, x: Array, train: bool) -> tuple[Array, Array]:
        """The maps of the last stage and of the earlier one."""
        raise NotImplementedError


@register("fcn_resnet50")
class ResNetSegmenter(StageSegmenter):
    """FCN on a ResNet-50 whose last two stages are dilated, so that its maps have stride 8."""

    blocks: tuple[int, ...] = (3, 4, 6, 3)  # of the ResNet's stages
    stem: int = 64  # features of its stem

    @nn.nowrap
    def seen(self, x: Array, train: bool) -> tuple[Array, Array]:
        """Stages 4 and 3."""
        net: Any = ResNet50(0, self.blocks, width=self.stem, dilate_from=3, name="backbone")
        found = net(x, train=train, stages=True)
        return found["stage4"], found["stage3"]


@register("fcn_resnet101")
class FCNResNet101(ResNetSegmenter):
    """On a ResNet-101."""

    blocks: tuple[int, ...] = (3, 4, 23, 3)  # of the ResNet's stages


@register("deeplabv3_resnet50")
class DeepLabResNet50(ResNetSegmenter):
    """DeepLab v3 (arXiv 1706.05587) on the same."""

    head: str = "deeplab"  # fcn or deeplab


@register("deeplabv3_resnet101")
class DeepLabResNet101(FCNResNet101):
    """DeepLab v3 on a ResNet-101."""

    head: str = "deeplab"  # fcn or deeplab


def dilated_mobilenet(net: Any) -> MobileNetV3:
    """The backbone of these: from block 13 on dilation in place of stride, stride 16."""
    tables = {name: getattr(MobileNetV3, name)[: net.depth] for name in ("kernels", "features")}
    inner = MobileNetV3.inner[: net.depth]
    return MobileNetV3(
        0, inner=inner, dilate_from=13, width=net.multiplier, name="backbone", **tables
    )


@register("deeplabv3_mobilenet_v3_large")
class MobileNetSegmenter(StageSegmenter):
    """DeepLab v3 on a MobileNet v3."""

    head: str = "deeplab"  # fcn or deeplab
    depth: int = 15  # blocks of the MobileNet
    multiplier: float = 1.0  # factor on its features

    @nn.nowrap
    def seen(self, x: Array, train: bool) -> tuple[Array, Array]:
        """The last map, and that of stride 8."""
        net: Any = dilated_mobilenet(self)
        found = net(x, train=train, stages=True)
        return found["last"], found["block4"]


@register("lraspp_mobilenet_v3_large")
class LRASPP(nn.Module):
    """Lite R-ASPP on a MobileNet v3 (Howard et al. 2019, arXiv 1905.02244, section 6.4).

    The last map, gated by its mean, is enlarged and added to what a map of stride 8 says. `(B, H,
    W, 3)` -> logits `(B, H, W, num_classes)`; stages `low`, `high`, `logits`.
    """

    num_classes: int
    inner: int = 128  # features of the last map before the classes
    depth: int = 15  # blocks of the MobileNet
    multiplier: float = 1.0  # factor on its features

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("LRASPP: x", x, 4)
        net: Any = dilated_mobilenet(self)
        found = net(x, train=train, stages=True)
        low, high = found["block4"], found["last"]
        gate = Conv(self.inner, 1, use_bias=False, name="gate")(high.mean((1, 2), keepdims=True))
        y = ConvNorm(self.inner, 1, name="hidden")(high, train=train) * jax.nn.sigmoid(gate)
        y = resize(y, (low.shape[1], low.shape[2]))
        y = Conv(self.num_classes, 1, name="low")(low) + Conv(self.num_classes, 1, name="out")(y)
        logits = resize(y, (x.shape[1], x.shape[2]))
        return {"low": low, "high": high, "logits": logits} if stages else logits
