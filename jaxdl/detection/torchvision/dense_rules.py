"""What torchvision calls the parameters of its dense detectors."""

import re

from jaxdl.detection.dense.fcos import FCOS
from jaxdl.detection.dense.retinanet import RetinaNet
from jaxdl.detection.dense.ssd import SSD
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.weights.torchvision_rules import mobilenet_v3_rules, resnet_rules
from jaxdl.models.weights.weight_rules import Pattern, Rules

CLASSES, BOXES = "head.classification_head", "head.regression_head"
TOWERS = (("class_tower", CLASSES), ("box_tower", BOXES))
PARTS = r"(weight|bias)"
# Old files have each convolution of a pyramid where there now is a list of it and its norm.
OLD_PYRAMID: Pattern = (rf"(backbone\.fpn\.\w+_blocks\.\d)\.{PARTS}", "{1}.0.{2}")


def retinanet_rules(model: RetinaNet) -> Rules:
    """Old files count the ReLUs of the towers, too."""
    modules, renamed = pyramid_patterns(), [OLD_PYRAMID]
    for ours, theirs in TOWERS:
        modules.append((rf"{ours}/conv(\d)", f"{theirs}.conv.{{1-1}}.0"))
        modules.append((rf"{ours}/norm(\d)", f"{theirs}.conv.{{1-1}}.1"))
        for i in range(model.depth):
            old = rf"({re.escape(theirs)}\.conv)\.{2 * i}\.{PARTS}"
            renamed.append((old, f"{{1}}.{i}.0.{{2}}"))
    modules += [("classes", f"{CLASSES}.cls_logits"), ("offsets", f"{BOXES}.bbox_reg")]
    return Rules(modules, renamed=renamed)


def fcos_rules(model: FCOS) -> Rules:
    """Convolution, norm and ReLU of a tower are numbered through."""
    modules = pyramid_patterns()
    for ours, theirs in TOWERS:
        for i in range(model.depth):
            modules.append((f"{ours}/conv{i + 1}", f"{theirs}.conv.{3 * i}"))
            modules.append((f"{ours}/norm{i + 1}", f"{theirs}.conv.{3 * i + 1}"))
    modules += [
        ("classes", f"{CLASSES}.cls_logits"),
        ("sides", f"{BOXES}.bbox_reg"),
        ("center", f"{BOXES}.bbox_ctrness"),
    ]
    return Rules(modules, renamed=[OLD_PYRAMID])


def pyramid_patterns() -> list[Pattern]:
    """A ResNet, the pyramid over it, and the two levels beyond."""
    body = resnet_rules(ResNet(0)).modules
    return [
        *((f"backbone/{ours}", f"backbone.body.{theirs}") for ours, theirs in body),
        (r"pyramid/fpn/lateral(\d)", "backbone.fpn.inner_blocks.{1-1}.0"),
        (r"pyramid/fpn/smooth(\d)", "backbone.fpn.layer_blocks.{1-1}.0"),
        ("pyramid/extra1", "backbone.fpn.extra_blocks.p6"),
        ("pyramid/extra2", "backbone.fpn.extra_blocks.p7"),
    ]


def ssd300_rules(model: SSD) -> Rules:
    """VGG's convolutions, ReLUs and pools are numbered through, up to the fourth stage and anew."""
    modules, at = [], 0
    counts = model.backbone.blocks  # pyright: ignore[reportAttributeAccessIssue]
    for stage, count in enumerate(counts[:4], 1):
        for i in range(1, count + 1):
            modules.append((f"backbone/conv{stage}_{i}", f"backbone.features.{at}"))
            at += 2
        at += 1
    last = counts[4]
    modules += [
        (f"backbone/conv5_{i}", f"backbone.extra.0.{2 * i - 1}") for i in range(1, last + 1)
    ]
    linear = f"backbone.extra.0.{2 * last + 1}"
    modules += [("backbone/fc6", f"{linear}.1"), ("backbone/fc7", f"{linear}.3")]
    modules += [
        (r"extra(\d)_in/conv", "backbone.extra.{1}.0"),
        (r"extra(\d)_out/conv", "backbone.extra.{1}.2"),
        (r"classes(\d)", f"{CLASSES}.module_list.{{1-1}}"),
        (r"offsets(\d)", f"{BOXES}.module_list.{{1-1}}"),
    ]
    return Rules(modules, leaves=[("backbone/scale", "backbone.scale_weight")])


def ssdlite320_rules(model: SSD) -> Rules:
    """The MobileNet is cut within the block whose expansion is the first map."""
    net, modules = model.backbone, []
    cut = net.expanded  # pyright: ignore[reportAttributeAccessIssue]
    for ours, theirs in mobilenet_v3_rules(net).modules:  # pyright: ignore[reportArgumentType]
        modules.append((f"backbone/{ours}", _cut(theirs, cut)))
    for k, part in enumerate(("in", "depthwise", "out")):
        there = f"backbone.extra.{{1-1}}.{k}"
        modules += [(rf"extra(\d)_{part}/conv", f"{there}.0")]
        modules += [(rf"extra(\d)_{part}/norm", f"{there}.1")]
    for ours, theirs in (("classes", CLASSES), ("offsets", BOXES)):
        there = f"{theirs}.module_list.{{1-1}}"
        modules += [
            (rf"{ours}(\d)_depthwise/conv", f"{there}.0.0"),
            (rf"{ours}(\d)_depthwise/norm", f"{there}.0.1"),
            (rf"{ours}(\d)", f"{there}.1"),
        ]
    return Rules(modules)


def _cut(theirs: str, cut: int) -> str:
    """A name within the MobileNet as it is after the cut into two lists."""
    match = re.fullmatch(r"features\.(\d+)\.(.*)", theirs)
    if match is None:
        return f"backbone.{theirs}"  # of the classifier, which is not there
    number, rest = int(match[1]), match[2]
    if number < cut:
        return f"backbone.features.0.{number}.{rest}"
    if number > cut:
        return f"backbone.features.1.{number - cut}.{rest}"
    _, part, leaf = rest.split(".", 2)  # block.<part>.<leaf>
    if part == "0":
        return f"backbone.features.0.{cut}.{leaf}"
    return f"backbone.features.1.0.{part}.{leaf}"
