"""Faster R-CNN: jaxdl run shapes_faster_rcnn, coco_faster_rcnn, ..."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.anchors import SHAPES, shape_pairs
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.predict import show_run as show
from jaxdl.detection.task import DetectionConfig, detection_task, train_and_report
from jaxdl.detection.two_stage.faster_rcnn import (
    FasterRCNN,
    faster_rcnn_candidates,
    faster_rcnn_losses,
)
from jaxdl.models.registry import build_model
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

__all__ = ["Config", "build", "predict", "run", "show"]


@dataclass(frozen=True)
class HeadConfig:
    """Both stages, on the features of the backbone."""

    stages: tuple[str, ...] = ("last",)
    """The stages of the model whose values are the features; of a pyramid, the finest first."""
    pyramid: int = 0
    """Features of a pyramid over the stages (FPN); 0: one stage, as it is."""
    cells: float = 14.0
    """Of a pyramid: how many cells a side a region measures at least where it is cut out."""
    hidden: int = 128
    """Features of the hidden layers."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    anchors: tuple[float, ...] = SHAPES
    """Widths and heights in cells (of every level), one pair after the other."""
    positive: float = 0.7
    """IoU from which an anchor is an object's."""
    negative: float = 0.3
    """IoU below which it is background."""
    region: float = 0.5
    """IoU from which a proposal is an object's."""
    samples: int = 64
    """Anchors, and proposals, of a picture that are learned from."""
    proposals: int = 50
    """Kept after suppression."""
    overlap: float = 0.7
    """IoU above which a better proposal suppresses another."""
    pooled: int = 7
    """Cells a side that a region is aligned to."""
    flat: bool = False
    """The second stage sees all these cells, not their mean."""
    weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """Of the losses: objectness, proposal, class, box."""

    def __post_init__(self) -> None:
        shape_pairs(self.anchors)
        for name in ("positive", "negative", "region", "overlap"):
            check_fraction(f"head.{name}", getattr(self, name))
        if self.negative > self.positive or min(self.weights) < 0:
            raise UsageError("head: negative must not exceed positive, weights must be >= 0")
        if min(self.samples, self.proposals, self.pooled) < 1:
            raise UsageError("head.samples, head.proposals and head.pooled must be at least 1")
        if not self.stages or (len(self.stages) > 1 and not self.pyramid):
            raise UsageError(f"head.stages must be one without head.pyramid, got {self.stages}")
        if self.pyramid < 0 or self.cells <= 0:
            raise UsageError("head.pyramid must be >= 0 and head.cells > 0")


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
        pyramid=head.pyramid,
        cells=head.cells,
        hidden=head.hidden,
        dropout=head.dropout,
        pooled=head.pooled,
        flat=head.flat,
        proposals=head.proposals,
        before=max(300, head.proposals),
        overlap=head.overlap,
    )
    losses = partial(
        faster_rcnn_losses,
        positive=head.positive,
        negative=head.negative,
        region=head.region,
        samples=head.samples,
        weights=head.weights,
    )
    return Detector(model, losses, faster_rcnn_candidates, sees_truth=True)


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Numbers:
    """Trains and reports."""
    return train_and_report(build(cfg), cfg, run_dir, resume)


if __name__ == "__main__":
    main(__file__)
