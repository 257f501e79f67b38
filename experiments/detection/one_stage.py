"""The notes' one-stage detector: jaxdl run shapes_one_stage, coco_one_stage, ..."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.detection.anchors import SHAPES, shape_pairs
from jaxdl.detection.dense.one_stage import (
    CONFIDENCES,
    OneStage,
    one_stage_candidates,
    one_stage_losses,
)
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone."""

    stage: str = "last"
    """The stage of the model whose values are the features; its cells are the detector's."""
    features: int = 128
    """Features of the hidden layer."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    anchors: tuple[float, ...] = SHAPES
    """Widths and heights in cells, one pair after the other."""
    negative_iou: float = 0.2
    """IoU below which an anchor is background."""
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Of the losses of confidence, box and class."""
    background_weight: float = 0.5
    """What the confidence of a background anchor counts, beside that of an object's."""
    confidence_loss: str = "square"
    """square (the notes' regression) or cross_entropy."""

    def __post_init__(self) -> None:
        shape_pairs(self.anchors)
        check_one_of("head.confidence_loss", self.confidence_loss, CONFIDENCES)
        if min(self.loss_weights) < 0 or self.background_weight < 0:
            raise UsageError("head.loss_weights and head.background_weight must be >= 0")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, a head, and how they are trained."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    model = OneStage(
        build_model(cfg.model, num_classes=0),
        num_classes,
        len(shape_pairs(head.anchors)),
        stage=head.stage,
        features=head.features,
        dropout=head.dropout,
    )
    losses = partial(
        one_stage_losses,
        shapes=head.anchors,
        negative_iou=head.negative_iou,
        loss_weights=head.loss_weights,
        background_weight=head.background_weight,
        confidence_loss=head.confidence_loss,
    )
    return Detector(model, losses, partial(one_stage_candidates, shapes=head.anchors))


if __name__ == "__main__":
    main(__file__)
