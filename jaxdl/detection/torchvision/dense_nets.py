"""torchvision's five dense detectors, of their published sizes, and how their boxes are read."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax.numpy as jnp

from jaxdl.detection.dense.fcos import FCOS, fcos_candidates
from jaxdl.detection.dense.retinanet import RetinaNet, retinanet_candidates
from jaxdl.detection.dense.ssd import SSD, count_boxes, ssd_candidates
from jaxdl.detection.detector import DetectConfig, Detections, postprocess
from jaxdl.detection.torchvision.vgg_maps import VGGMaps
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.models.convnets.resnet import ResNet50
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.typing import Array, Tree

SIDES = tuple((s, int(s * 2 ** (1 / 3)), int(s * 2 ** (2 / 3))) for s in (32, 64, 128, 256, 512))
RATIOS = (0.5, 1.0, 2.0)
STRIDES = (8.0, 16.0, 32.0, 64.0, 128.0)
SSD_SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
SSD_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
SSD_STEPS = (8, 16, 32, 64, 100, 300)
LITE_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
LITE_RATIOS = ((2, 3),) * 6
lite_norm = partial(BatchNorm, momentum=0.03, eps=1e-3)
Detect = Callable[[Any, Tree, Array, Array], Detections]


def retinanet(num_classes: int, *, eps: float = 0.0) -> RetinaNet:
    """The first form; `eps` of its norms is 0 in published weights, see `Published.frozen`."""
    return RetinaNet(ResNet50(0, norm=partial(BatchNorm, eps=eps)), num_classes)


def retinanet_v2(num_classes: int) -> RetinaNet:
    """The second form: group norm in the towers, P6 of the backbone's last map."""
    norm = partial(GroupNorm, groups=32)
    return RetinaNet(ResNet50(0), num_classes, extra_from="backbone", norm=norm)


def fcos(num_classes: int) -> FCOS:
    """Its published norms, frozen too, keep their eps."""
    return FCOS(ResNet50(0), num_classes)


def ssd300(num_classes: int) -> SSD:
    """On 300 x 300 pixels, maps of 38, 19, 10, 5, 3 and 1 cells to a side."""
    return SSD(
        VGGMaps(),
        num_classes - 1,
        count_boxes(SSD_RATIOS),
        stages=("conv4", "fc7"),
        extra=(512, 256, 256, 256),
        extra_strides=(2, 2, 1, 1),
    )


def ssdlite320(num_classes: int) -> SSD:
    """On 320 x 320 pixels, maps of 20, 10, 5, 3, 2 and 1 cells; the MobileNet's tail is halved."""
    inner, features = MobileNetV3.inner[:13], MobileNetV3.features[:12]
    return SSD(
        MobileNetV3(
            0,
            inner=(*inner, 480, 480),
            features=(*features, 80, 80, 80),
            expanded=13,
            norm=lite_norm,
        ),
        num_classes - 1,
        count_boxes(LITE_RATIOS),
        stages=("expanded", "last"),
        extra=(512, 256, 256, 128),
        extra_strides=(2, 2, 2, 2),
        lite=True,
        norm=lite_norm,
    )


def dense_detect(
    candidates: Callable[..., tuple[Array, Array, Array]], cfg: DetectConfig, *, first: int = 0
) -> Detect:
    """`(model, variables, images (B, H, W, 3), sizes (B, 2)) -> Detections` in these pixels.

    Each picture fills only `sizes` of its row, and its boxes are cut there; those outside, without
    area then, count as in torchvision. `first` is the number of the first class with a score.
    """

    def detect(model: Any, variables: Tree, images: Array, sizes: Array) -> Detections:
        size = images.shape[1], images.shape[2]
        out = model.apply(variables, images, train=False)
        boxes, scores, labels = candidates(out, size, count=cfg.pre_nms_top_k)
        limit = jnp.tile(sizes[:, None, ::-1], 2).astype(boxes.dtype)  # (B, 1, 4): W, H, W, H
        boxes = jnp.clip(boxes, 0, limit)
        every = max(scores.shape[1], cfg.max_detections)
        cut = replace(cfg, pre_nms_top_k=every)
        found = postprocess(cut, boxes, scores, labels, size, empty=True)
        return found._replace(labels=jnp.where(found.valid, found.labels + first, 0))

    return detect


detect_retinanet = dense_detect(
    partial(retinanet_candidates, sides=SIDES, ratios=RATIOS), DetectConfig(0.05, 0.5, 300, 1000)
)
detect_fcos = dense_detect(
    partial(fcos_candidates, strides=STRIDES), DetectConfig(0.2, 0.6, 100, 1000)
)
detect_ssd300 = dense_detect(
    partial(ssd_candidates, scales=SSD_SCALES, ratios=SSD_RATIOS, steps=SSD_STEPS),
    DetectConfig(0.01, 0.45, 200, 400),
    first=1,
)
detect_ssdlite320 = dense_detect(
    partial(ssd_candidates, scales=LITE_SCALES, ratios=LITE_RATIOS),
    DetectConfig(0.001, 0.55, 300, 300),
    first=1,
)
