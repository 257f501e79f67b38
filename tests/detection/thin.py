"""Detectors on a backbone of one convolution, for tests that need no accuracy."""

from functools import partial

import flax.linen as nn

from jaxdl.detection.dense.centernet import (
    CenterNet,
    centernet_candidates,
    centernet_heat,
    centernet_losses,
)
from jaxdl.detection.dense.cornernet import (
    CornerNet,
    cornernet_candidates,
    cornernet_heat,
    cornernet_losses,
)
from jaxdl.detection.dense.fcos import FCOS, fcos_candidates, fcos_losses
from jaxdl.detection.dense.one_stage import OneStage, one_stage_candidates, one_stage_losses
from jaxdl.detection.dense.retinanet import RetinaNet, retinanet_candidates, retinanet_losses
from jaxdl.detection.dense.ssd import SSD, count_boxes, ssd_candidates, ssd_losses
from jaxdl.detection.detector import Detector
from jaxdl.detection.set_prediction.detr import DETR, detr_candidates
from jaxdl.detection.set_prediction.set_losses import detr_losses
from jaxdl.detection.two_stage.faster_rcnn import (
    FasterRCNN,
    faster_rcnn_candidates,
    faster_rcnn_losses,
)
from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.layers.norm.registry import NORMS

SHAPES = (1.0, 1.0, 2.0, 2.0, 3.0, 2.0)


class Thin(nn.Module):
    """Cells of 8 pixels, and `fine` ones of 4."""

    features: int = 8

    @nn.compact
    def __call__(self, x, *, train, stages):
        assert stages
        y = nn.relu(Conv(self.features, 8, 8, name="conv")(x))
        fine = nn.relu(Conv(self.features, 4, 4, name="fine")(x))
        return {"fine": fine, "last": y, "pooled": y.mean((1, 2))}


def one_stage(classes, **options):
    model = OneStage(Thin(), classes, 3, features=8, dropout=0.0)
    return Detector(
        model,
        partial(one_stage_losses, shapes=SHAPES, **options),
        partial(one_stage_candidates, shapes=SHAPES),
    )


def faster_rcnn(classes, levels=None, **options):
    model = FasterRCNN(
        Thin(),
        classes,
        SHAPES,
        hidden=8,
        dropout=0.0,
        roi_size=2,
        post_nms_top_k=6,
        pre_nms_top_k=20,
    )
    model = model.clone(**(levels or {}))
    losses = partial(faster_rcnn_losses, samples_per_image=8, **options)
    return Detector(model, losses, faster_rcnn_candidates, sees_truth=True)


def centernet(classes, **options):
    model = CenterNet(Thin(), classes, features=8, num_upsamples=0)
    losses, candidates = (
        partial(centernet_losses, **options),
        partial(centernet_candidates, count=20),
    )
    return Detector(model, losses, candidates, heat=centernet_heat)


def cornernet(classes, **options):
    norm = NORMS["batch_sync"]
    model = CornerNet(Thin(), classes, features=4, num_upsamples=1, norm=norm)
    candidates = partial(cornernet_candidates, count=6)
    return Detector(model, partial(cornernet_losses, **options), candidates, heat=cornernet_heat)


def detr(classes, **options):
    model = DETR(Thin(), classes, num_queries=8, width=8, heads=2, hidden=8, dropout=0.0)
    model = model.clone(encoder_depth=1, decoder_depth=2)
    return Detector(model, partial(detr_losses, **options), detr_candidates)


def retinanet(classes):
    options = {"sides": ((6, 9), (16, 24)), "ratios": (1.0,)}
    model = RetinaNet(Thin(), classes, 2, ("last",), features=4, depth=1, num_extra=1)
    losses = partial(retinanet_losses, **options)
    return Detector(model, losses, partial(retinanet_candidates, count=20, **options))


def fcos(classes):
    strides = (8.0, 16.0)
    norm = partial(GroupNorm, groups=2)
    model = FCOS(Thin(), classes, ("last",), features=4, depth=1, num_extra=1, norm=norm)
    losses = partial(fcos_losses, strides=strides)
    return Detector(model, losses, partial(fcos_candidates, strides=strides, count=20))


def ssd(classes):
    options = {"scales": (0.2, 0.5, 0.9), "ratios": ((2,), (2,))}
    boxes = count_boxes(options["ratios"])
    model = SSD(Thin(), classes, boxes, extra=(4,), extra_strides=(2,))
    losses = partial(ssd_losses, **options)
    return Detector(model, losses, partial(ssd_candidates, count=20, **options))


PYRAMID = {"stages": ("fine", "last"), "fpn_features": 4, "fpn_canonical_cells": 2.0}
DETECTORS = {
    "one_stage": one_stage,
    "faster_rcnn": faster_rcnn,
    "pyramid": partial(faster_rcnn, levels=PYRAMID),
    "centernet": centernet,
    "cornernet": cornernet,
    "detr": detr,
    "fcos": fcos,
    "retinanet": retinanet,
    "ssd": ssd,
}
