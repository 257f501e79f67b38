"""Faster R-CNN: jaxdl run shapes_faster_rcnn, coco_faster_rcnn, ..."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.anchors import SHAPES, shape_pairs
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.detection.two_stage.faster_rcnn import (
    FasterRCNN,
    faster_rcnn_candidates,
    faster_rcnn_losses,
)
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """Both stages, on the features of the backbone."""

    stages: tuple[str, ...] = ("last",)
    """The stages of the model whose values are the features; of a pyramid, the finest first."""
    fpn_features: int = 0
    """Features of a pyramid over the stages (FPN); 0: one stage, as it is."""
    fpn_canonical_cells: float = 14.0
    """Of a pyramid: how many cells per side a region measures at least where it is cut out."""
    hidden: int = 128
    """Features of the hidden layers."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    anchors: tuple[float, ...] = SHAPES
    """Widths and heights in cells (of every level), one pair after the other."""
    rpn_positive_iou: float = 0.7
    """IoU from which an anchor is an object's."""
    rpn_negative_iou: float = 0.3
    """IoU below which it is background."""
    roi_positive_iou: float = 0.5
    """IoU from which a proposal is an object's."""
    samples_per_image: int = 64
    """Anchors, and proposals, of a picture that are learned from."""
    post_nms_top_k: int = 50
    """Kept after suppression."""
    rpn_nms_iou: float = 0.7
    """IoU above which a better proposal suppresses another."""
    roi_size: int = 7
    """Cells a side that a region is aligned to."""
    flatten_roi: bool = False
    """The second stage sees all these cells, not their mean."""
    loss_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """Of the losses: objectness, proposal, class, box."""

    def __post_init__(self) -> None:
        shape_pairs(self.anchors)
        for name in ("rpn_positive_iou", "rpn_negative_iou", "roi_positive_iou", "rpn_nms_iou"):
            check_fraction(f"head.{name}", getattr(self, name))
        if self.rpn_negative_iou > self.rpn_positive_iou or min(self.loss_weights) < 0:
            raise UsageError(
                "head: rpn_negative_iou must not exceed rpn_positive_iou, loss_weights must be >= 0"
            )
        if min(self.samples_per_image, self.post_nms_top_k, self.roi_size) < 1:
            raise UsageError(
                "head: samples_per_image, post_nms_top_k and roi_size must be at least 1"
            )
        if not self.stages or (len(self.stages) > 1 and not self.fpn_features):
            raise UsageError(
                f"head.stages must be one without head.fpn_features, got {self.stages}"
            )
        if self.fpn_features < 0 or self.fpn_canonical_cells <= 0:
            raise UsageError("head.fpn_features must be >= 0 and head.fpn_canonical_cells > 0")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, two stages, and how they are trained."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    model = FasterRCNN(
        build_model(cfg.model, num_classes=0),
        num_classes,
        head.anchors,
        stages=head.stages,
        fpn_features=head.fpn_features,
        fpn_canonical_cells=head.fpn_canonical_cells,
        hidden=head.hidden,
        dropout=head.dropout,
        roi_size=head.roi_size,
        flatten_roi=head.flatten_roi,
        post_nms_top_k=head.post_nms_top_k,
        pre_nms_top_k=max(300, head.post_nms_top_k),
        rpn_nms_iou=head.rpn_nms_iou,
    )
    losses = partial(
        faster_rcnn_losses,
        rpn_positive_iou=head.rpn_positive_iou,
        rpn_negative_iou=head.rpn_negative_iou,
        roi_positive_iou=head.roi_positive_iou,
        samples_per_image=head.samples_per_image,
        loss_weights=head.loss_weights,
    )
    return Detector(model, losses, faster_rcnn_candidates, sees_truth=True)


if __name__ == "__main__":
    main(__file__)
