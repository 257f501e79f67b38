"""What torchvision calls the parameters of its region CNNs."""

from collections.abc import Iterator

from jaxdl.detection.instances.heads import BoxHead
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.weights.torchvision_rules import mobilenet_v3_rules, resnet_rules
from jaxdl.models.weights.weight_rules import Pattern, Rules

PARTS = r"(weight|bias)"
# Names in published files older than torchvision 0.13 -> those of now.
RENAMED = [
    (rf"rpn\.head\.conv\.{PARTS}", "rpn.head.conv.0.0.{1}"),
    (rf"backbone\.fpn\.(inner|layer)_blocks\.(\d)\.{PARTS}", "backbone.fpn.{1}_blocks.{2}.0.{3}"),
    (rf"roi_heads\.mask_head\.mask_fcn(\d)\.{PARTS}", "roi_heads.mask_head.{1-1}.0.{2}"),
]


def region_cnn_rules(model: RegionCNN) -> Rules:
    """Of a `RegionCNN` on a ResNet or a MobileNet v3; a missing head has no names.

    The norms of the first form are frozen, so they count no batches; the second's do.
    """
    cells = model.box_cells
    return Rules(
        [
            *body(model.backbone),
            *pyramid("backbone.fpn"),
            (r"proposal/conv(\d)/conv", "rpn.head.conv.{1-1}.0"),
            ("proposal/score", "rpn.head.cls_logits"),
            ("proposal/box", "rpn.head.bbox_pred"),
            *box_head(model.box),
            ("box/class", "roi_heads.box_predictor.cls_score"),
            ("box/box", "roi_heads.box_predictor.bbox_pred"),
            (r"mask/conv(\d)/conv", "roi_heads.mask_head.{1-1}.0"),
            (r"mask/conv(\d)/norm", "roi_heads.mask_head.{1-1}.1"),
            ("mask/enlarge", "roi_heads.mask_predictor.conv5_mask"),
            ("mask/out", "roi_heads.mask_predictor.mask_fcn_logits"),
            *((f"point/conv{i + 1}/conv", f"roi_heads.keypoint_head.{2 * i}") for i in range(8)),
            ("point/out", "roi_heads.keypoint_predictor.kps_score_lowres"),
        ],
        flattened={"box/linear1": (cells, cells)},
        renamed=RENAMED,
        head="box/class",
        transposed=("mask/enlarge", "point/out"),
        counters=model.pyramid_norm is not None,
    )


def body(backbone: object) -> list[Pattern]:
    """The patterns of the backbone, within a whole that calls it `backbone.body`."""
    if isinstance(backbone, MobileNetV3):
        modules = mobilenet_v3_rules(backbone).modules
        modules = [(ours, theirs.removeprefix("features.")) for ours, theirs in modules]
    else:
        assert isinstance(backbone, ResNet), "the backbones of torchvision's region CNNs"
        modules = resnet_rules(backbone).modules
    return [(f"backbone/{ours}", f"backbone.body.{theirs}") for ours, theirs in modules]


def pyramid(theirs: str) -> list[Pattern]:
    """The patterns of a `FeaturePyramid` named `pyramid`."""
    found: list[Pattern] = []
    for ours, name in (("lateral", "inner_blocks"), ("smooth", "layer_blocks")):
        found.append((rf"pyramid/{ours}(\d)", f"{theirs}.{name}.{{1-1}}.0"))
        found.append((rf"pyramid/{ours}(\d)_norm", f"{theirs}.{name}.{{1-1}}.1"))
    return found


def box_head(head: object) -> Iterator[Pattern]:
    """The layers before class and box: fc6 and fc7, or convolutions and a linear layer in a row."""
    assert isinstance(head, BoxHead), "the head of a region CNN"
    if not head.convs:
        yield (r"box/linear1", "roi_heads.box_head.fc6")
        yield (r"box/linear2", "roi_heads.box_head.fc7")
        return
    yield (r"box/conv(\d)/conv", "roi_heads.box_head.{1-1}.0")
    yield (r"box/conv(\d)/norm", "roi_heads.box_head.{1-1}.1")
    # After the convolutions comes the flattening.
    yield ("box/linear1", f"roi_heads.box_head.{head.convs + 1}")
