"""One thin variant of every family against torchvision's own model."""

import importlib
from functools import partial
from typing import Any

import pytest

from jaxdl.models.convnets.alexnet import AlexNet
from jaxdl.models.convnets.convnext import ConvNeXt
from jaxdl.models.convnets.densenet import DenseNet
from jaxdl.models.convnets.googlenet import TABLE, GoogLeNet
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.convnets.squeezenet import SqueezeNet, SqueezeNet10
from jaxdl.models.convnets.vgg import VGG
from jaxdl.models.mobile.mobilenet import MobileNetV2
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.transformers.swin import Swin
from jaxdl.models.transformers.vit import ViT
from tests.models.weights.twins import (
    CLASSES,
    check_gradients,
    check_logits,
    narrow_classifier,
    narrow_features,
    randomize,
)


def alexnet(vision):
    widths = (4, 6, 8, 6, 5)
    model = AlexNet(CLASSES, filters=widths, hidden=9, dropout=0.0)
    twin = vision.models.AlexNet(CLASSES, dropout=0.0)
    inputs = narrow_features(twin.features, list(widths))
    narrow_classifier(twin.classifier, inputs * 36, 9)
    return model, twin, (79, 96)


def vgg(vision, batch_norm):
    widths = (3, 4, 5, 6, 7)
    model = VGG(CLASSES, (1, 2, 1, 1, 1), widths, batch_norm=batch_norm, hidden=9, dropout=0.0)
    cfg = [3, "M", 4, 4, "M", 5, "M", 6, "M", 7, "M"]
    layers = vision.models.vgg.make_layers(cfg, batch_norm)
    twin = vision.models.VGG(layers, CLASSES, init_weights=False, dropout=0.0)
    narrow_classifier(twin.classifier, 7 * 49, 9)
    return model, twin, (64, 96)


def googlenet(vision):
    """Three of the nine blocks, among them those that the auxiliary classifiers look at."""
    from torch import nn

    lib = importlib.import_module("torchvision.models.googlenet")
    kept = ("inception4a", "inception4d", "inception5a")
    rows = {name: tuple(max(n // 32, 1) for n in row) for name, row in TABLE if name in kept}
    model = GoogLeNet(
        CLASSES, stem=(2, 2, 6), blocks=tuple(rows.items()), dropout=0.0, aux_dropout=0.0
    )
    twin = lib.GoogLeNet(CLASSES, True, False, False, dropout=0.0, dropout_aux=0.0)
    twin.conv1 = lib.BasicConv2d(3, 2, kernel_size=7, stride=2, padding=3)
    twin.conv2 = lib.BasicConv2d(2, 2, kernel_size=1)
    twin.conv3 = lib.BasicConv2d(2, 6, kernel_size=3, padding=1)
    channels, seen = 6, {}
    for name, _ in TABLE:
        setattr(twin, name, nn.Identity())
        if name in kept:
            setattr(twin, name, lib.Inception(channels, *rows[name]))
            one, _, three, _, five, pool = rows[name]
            channels = seen[name] = one + three + five + pool
    twin.aux1 = lib.InceptionAux(seen["inception4a"], CLASSES, dropout=0.0)
    twin.aux2 = lib.InceptionAux(seen["inception4d"], CLASSES, dropout=0.0)
    twin.fc = nn.Linear(channels, CLASSES)
    return model, twin, (64, 79)


def resnet(vision, block, groups=1, group_width=64):
    """The first two stages alone."""
    from torch import nn

    lib = vision.models.resnet
    deep = block == "Bottleneck"
    model = ResNet(
        CLASSES, (1, 2), bottleneck=deep, width=64, groups=groups, group_width=group_width
    )
    twin = lib.ResNet(
        getattr(lib, block), [1, 2, 1, 1], CLASSES, groups=groups, width_per_group=group_width
    )
    twin.layer3 = twin.layer4 = nn.Identity()
    twin.fc = nn.Linear(512 if deep else 128, CLASSES)
    return model, twin, (33, 48)


def densenet(vision):
    model = DenseNet(CLASSES, (2, 1), growth=4, width=6, bottleneck=2)
    twin = vision.models.DenseNet(4, (2, 1), 6, bn_size=2, num_classes=CLASSES)
    return model, twin, (32, 43)


def squeezenet(vision, version):
    """Fire modules 2 to 5, with their pools."""
    from torch import nn

    lib = vision.models.squeezenet
    kind = {"1_0": SqueezeNet10, "1_1": SqueezeNet}[version]
    model = kind(CLASSES, stem=5, squeeze=(2, 3, 2, 2), expand=2, dropout=0.0)
    twin = lib.SqueezeNet(version, CLASSES, dropout=0.0)
    first = twin.features[0]
    twin.features[0] = nn.Conv2d(3, 5, first.kernel_size, first.stride)
    fires = [i for i, layer in enumerate(twin.features) if isinstance(layer, lib.Fire)]
    channels = 5
    for i, squeeze in zip(fires, (2, 3, 2, 2), strict=False):
        twin.features[i] = lib.Fire(channels, squeeze, 2 * squeeze, 2 * squeeze)
        channels = 4 * squeeze
    twin.features = twin.features[: fires[4]]
    twin.classifier[1] = nn.Conv2d(channels, CLASSES, 1)
    return model, twin, (43, 64)


def mobilenet_v2(vision):
    from torch import nn

    table = [[1, 16, 1, 1], [3, 24, 2, 2]]
    expansions, features, repeats, strides = zip(*table, strict=True)
    model = MobileNetV2(
        CLASSES, expansions, features, repeats, strides, width=0.35, last=16, dropout=0.0
    )
    twin = vision.models.MobileNetV2(
        CLASSES, width_mult=0.35, inverted_residual_setting=table, dropout=0.0
    )
    twin.features[-1][0] = nn.Conv2d(twin.features[-2].out_channels, 16, 1, bias=False)
    twin.features[-1][1] = nn.BatchNorm2d(16)
    twin.classifier[1] = nn.Linear(16, CLASSES)
    return model, twin, (32, 47)


def mobilenet_v3(vision):
    """Blocks with and without expansion, squeeze-and-excite, hard-swish and stride."""
    lib = vision.models.mobilenetv3
    rows = [(3, 8, 8, True, "RE", 2), (5, 24, 16, False, "RE", 1), (5, 32, 16, True, "HS", 1)]
    inputs = [8, 8, 16]
    table = [
        lib.InvertedResidualConfig(i, k, inner, out, excite, act, stride, 1, 1.0)
        for i, (k, inner, out, excite, act, stride) in zip(inputs, rows, strict=True)
    ]
    model = MobileNetV3(
        CLASSES,
        kernels=(3, 5, 5),
        inner=(8, 24, 32),
        features=(8, 16, 16),
        excited=(1, 3),
        halved=(1,),
        smooth_from=3,
        stem=8,
        hidden=16,
        dropout=0.0,
    )
    return model, lib.MobileNetV3(table, 16, CLASSES, dropout=0.0), (32, 47)


def convnext(vision):
    lib = vision.models.convnext
    table = [lib.CNBlockConfig(6, 8, 1), lib.CNBlockConfig(8, None, 1)]
    model = ConvNeXt(CLASSES, blocks=(1, 1), features=(6, 8), drop_path=0.0)
    return model, lib.ConvNeXt(table, 0.0, num_classes=CLASSES), (32, 37)


def swin(vision):
    """One map of whole windows, one that is padded; the second stage has a single window."""
    lib = vision.models.swin_transformer
    model = Swin(CLASSES, (2, 2), (2, 4), width=8, patch=2, window=3, drop_path=0.0)
    twin = lib.SwinTransformer(
        [2, 2], 8, [2, 2], [2, 4], [3, 3], stochastic_depth_prob=0.0, num_classes=CLASSES
    )
    return model, twin, (12, 21)


def vit(vision):
    model = ViT(CLASSES, patch=8, width=12, depth=2, heads=3, hidden=20)
    twin = vision.models.VisionTransformer(32, 8, 2, 3, 12, 20, num_classes=CLASSES)
    return model, twin, (32,)


FAMILIES: dict[str, Any] = {
    "alexnet": alexnet,
    "vgg": partial(vgg, batch_norm=False),
    "vgg_bn": partial(vgg, batch_norm=True),
    "googlenet": googlenet,
    "resnet": partial(resnet, block="BasicBlock"),
    "resnext": partial(resnet, block="Bottleneck", groups=2, group_width=16),
    "wide_resnet": partial(resnet, block="Bottleneck", group_width=32),
    "densenet": densenet,
    "squeezenet1_0": partial(squeezenet, version="1_0"),
    "squeezenet1_1": partial(squeezenet, version="1_1"),
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "convnext": convnext,
    "swin": swin,
    "vit": vit,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_are_torchvisions(torchvision, family):
    model, twin, sizes = FAMILIES[family](torchvision)
    randomize(twin)
    check_logits(model, twin, sizes[0])
    check_gradients(model, twin, sizes[-1], train=True)


# In evaluation batch norm is a line, the same one everywhere: two families show it, all when slow.
EVALUATED = ("resnet", "mobilenet_v2")


@pytest.mark.parametrize(
    "family", [f if f in EVALUATED else pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES]
)
def test_gradients_in_evaluation_are_torchvisions(torchvision, family):
    model, twin, sizes = FAMILIES[family](torchvision)
    check_gradients(model, randomize(twin), sizes[0], train=False)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_at_another_size(torchvision, family):
    model, twin, sizes = FAMILIES[family](torchvision)
    check_logits(model, randomize(twin), sizes[-1])
