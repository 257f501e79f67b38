"""What torchvision calls the parameters of its networks with a class for each pixel."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.segmentation.torchvision_nets import (
    LRASPP,
    MobileNetSegmenter,
    ResNetSegmenter,
    dilated_mobilenet,
)
from jaxdl.models.weights.torchvision_rules import mobilenet_v3_rules, resnet_rules
from jaxdl.models.weights.weight_rules import Pattern, Rules


def resnet_segmenter_rules(model: ResNetSegmenter) -> Rules:
    """`backbone`, `classifier` and `aux_classifier`."""
    return Rules(inside(resnet_rules(ResNet(0)).modules) + heads(model.head), head="head/out")


def mobilenet_segmenter_rules(model: MobileNetSegmenter) -> Rules:
    """The same; the parts of the MobileNet are numbered without `features`."""
    return Rules(mobilenet(dilated_mobilenet(model)) + heads(model.head), head="head/out")


def lraspp_rules(model: LRASPP) -> Rules:
    """The 1x1 convolutions of `classifier` by what they see."""
    own: list[Pattern] = [
        ("hidden/conv", "classifier.cbr.0"),
        ("hidden/norm", "classifier.cbr.1"),
        ("gate", "classifier.scale.1"),
        ("low", "classifier.low_classifier"),
        ("out", "classifier.high_classifier"),
    ]
    return Rules(mobilenet(dilated_mobilenet(model)) + own, head="out")


def inside(modules: Sequence[Pattern]) -> list[Pattern]:
    """The patterns of a backbone within the whole."""
    return [(f"backbone/{ours}", f"backbone.{theirs}") for ours, theirs in modules]


def mobilenet(model: MobileNetV3) -> list[Pattern]:
    """The patterns of a MobileNet, of which only the features are there."""
    modules = mobilenet_v3_rules(model).modules
    return inside([(ours, theirs.removeprefix("features.")) for ours, theirs in modules])


def heads(kind: str) -> list[Pattern]:
    """The parts of `classifier`, and of `aux_classifier`, which is always FCN's."""
    fcn = [("hidden/conv", "0"), ("hidden/norm", "1"), ("out", "4")]
    deeplab = [("hidden/conv", "1"), ("hidden/norm", "2"), ("out", "4")]
    branches = [("one", "convs.0", 0), ("mean", "convs.4", 1), ("project", "project", 0)]
    branches += [(f"wide{i}", f"convs.{i}", 0) for i in (1, 2, 3)]
    for ours, theirs, at in branches:
        deeplab.append((f"aspp/{ours}/conv", f"0.{theirs}.{at}"))
        deeplab.append((f"aspp/{ours}/norm", f"0.{theirs}.{at + 1}"))
    own = deeplab if kind == "deeplab" else fcn
    return [(f"head/{ours}", f"classifier.{theirs}") for ours, theirs in own] + [
        (f"aux_head/{ours}", f"aux_classifier.{theirs}") for ours, theirs in fcn
    ]


SEGMENTERS: dict[type, Callable[[Any], Rules]] = {
    ResNetSegmenter: resnet_segmenter_rules,
    MobileNetSegmenter: mobilenet_segmenter_rules,
    LRASPP: lraspp_rules,
}
