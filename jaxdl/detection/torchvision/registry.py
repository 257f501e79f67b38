"""torchvision's detectors by name: what they are, what they are given, what their files hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxdl.detection.detector import Detections
from jaxdl.detection.torchvision import dense_nets, dense_rules
from jaxdl.detection.torchvision.coco_names import COCO_NAMES
from jaxdl.detection.torchvision.pictures import DetectorPictures
from jaxdl.detection.torchvision.region_detect import build_region_cnn, detect_regions
from jaxdl.detection.torchvision.region_rules import region_cnn_rules
from jaxdl.models.weights.weight_rules import Rules
from jaxdl.typing import Array, Tree


@dataclass(frozen=True)
class Published:
    """One of them."""

    build: Callable[..., Any]
    """`(num_classes) -> ` the Linen module; the background counts as a class, as in torchvision."""
    rules: Callable[[Any], Rules]
    """`(module) -> ` what its parameters are called there."""
    detect: Callable[[Any, Tree, Array, Array], Detections]
    """`(module, variables, images (B, H, W, 3), sizes (B, 2)) -> Detections`, jitted by the caller.

    Boxes are in the pixels of `images`, of which each picture fills its height and width, `sizes`;
    labels are torchvision's numbers (0 is the background)."""
    class_bias: str
    """The name there of a bias of the classes,"""
    rows_per_class: int = 1
    """and how many of its rows each class has."""
    pictures: DetectorPictures = DetectorPictures()
    frozen: bool = False
    """Published weights have frozen norms, whose eps torchvision sets to 0 when it reads them; a
    file whose norms count batches was trained with 1e-5, and `build` is given that as `eps`."""
    names: tuple[str, ...] = COCO_NAMES
    """Of the labels of published weights."""


def region_cnn(name: str, **options: Any) -> Published:
    """One of the region CNNs."""
    build = partial(build_region_cnn, name)
    return Published(build, region_cnn_rules, detect_regions, REGION_BIAS, **options)


DENSE_BIAS = "head.classification_head.cls_logits.bias"
REGION_BIAS = "roi_heads.box_predictor.cls_score.bias"
SSD_BIAS = "head.classification_head.module_list.0"

DETECTORS: Mapping[str, Published] = {
    "retinanet_resnet50_fpn": Published(
        dense_nets.retinanet,
        dense_rules.retinanet_rules,
        dense_nets.detect_retinanet,
        DENSE_BIAS,
        9,
        frozen=True,
    ),
    "retinanet_resnet50_fpn_v2": Published(
        dense_nets.retinanet_v2,
        dense_rules.retinanet_rules,
        dense_nets.detect_retinanet,
        DENSE_BIAS,
        9,
    ),
    "fcos_resnet50_fpn": Published(
        dense_nets.fcos, dense_rules.fcos_rules, dense_nets.detect_fcos, DENSE_BIAS
    ),
    "ssd300_vgg16": Published(
        dense_nets.ssd300,
        dense_rules.ssd300_rules,
        dense_nets.detect_ssd300,
        f"{SSD_BIAS}.bias",
        4,
        DetectorPictures(
            fixed=(300, 300), multiple=1, mean=(0.48235, 0.45882, 0.40784), std=(1 / 255,) * 3
        ),
    ),
    "ssdlite320_mobilenet_v3_large": Published(
        dense_nets.ssdlite320,
        dense_rules.ssdlite320_rules,
        dense_nets.detect_ssdlite320,
        f"{SSD_BIAS}.1.bias",
        6,
        DetectorPictures(fixed=(320, 320), multiple=1, mean=(0.5,) * 3, std=(0.5,) * 3),
    ),
    "fasterrcnn_resnet50_fpn": region_cnn("fasterrcnn_resnet50_fpn", frozen=True),
    "fasterrcnn_resnet50_fpn_v2": region_cnn("fasterrcnn_resnet50_fpn_v2"),
    "fasterrcnn_mobilenet_v3_large_fpn": region_cnn("fasterrcnn_mobilenet_v3_large_fpn"),
    "fasterrcnn_mobilenet_v3_large_320_fpn": region_cnn(
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        pictures=DetectorPictures(shorter=320, longer=640),
    ),
    "maskrcnn_resnet50_fpn": region_cnn("maskrcnn_resnet50_fpn", frozen=True),
    "maskrcnn_resnet50_fpn_v2": region_cnn("maskrcnn_resnet50_fpn_v2"),
    "keypointrcnn_resnet50_fpn": region_cnn(
        "keypointrcnn_resnet50_fpn", frozen=True, names=("no person", "person")
    ),
}
