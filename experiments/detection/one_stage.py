"""The notes' one-stage detector: jaxdl run shapes_one_stage, coco_one_stage, ..."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.sources import DataConfig
from jaxdl.detection.anchors import SHAPES, shape_pairs
from jaxdl.detection.detector import DetectConfig, Detector, detection_task
from jaxdl.detection.files import predict_files as predict
from jaxdl.detection.files import show_run as show
from jaxdl.detection.one_stage import (
    CONFIDENCES,
    OneStage,
    one_stage_candidates,
    one_stage_losses,
)
from jaxdl.detection.prepare import BoxImageConfig, load_boxes
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.training.loop import fit
from jaxdl.training.optim import OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.report import write_report
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

__all__ = ["Config", "build", "predict", "run", "show"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone."""

    stage: str = "last"
    """The stage of the model whose values are the features; its cells are the detector's."""
    hidden: int = 128
    """Features of the hidden layer."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    anchors: tuple[float, ...] = SHAPES
    """Widths and heights in cells, one pair after the other."""
    negative: float = 0.2
    """IoU below which an anchor is background."""
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Of the losses of confidence, box and class."""
    background: float = 0.5
    """What the confidence of a background anchor counts, beside that of an object's."""
    confidence: str = "square"
    """square (the notes' regression) or cross_entropy."""

    def __post_init__(self) -> None:
        shape_pairs(self.anchors)
        check_one_of("head.confidence", self.confidence, CONFIDENCES)
        if min(self.weights) < 0 or self.background < 0:
            raise UsageError("head.weights and head.background must be >= 0")


@dataclass(frozen=True)
class Config:
    """Pictures with boxes, a backbone, a head, and how they are trained."""

    data: DataConfig = DataConfig(name="shapes", image_size=(64,))
    image: BoxImageConfig = BoxImageConfig()
    model: ModelConfig = ModelConfig(name="mobilenet_v2")
    head: HeadConfig = HeadConfig()
    detect: DetectConfig = DetectConfig()
    optim: OptimConfig = OptimConfig()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_boxes(cfg.data)
    return detection_task(
        build_detector(cfg, len(splits["train"].classes)),
        splits,
        image=cfg.image,
        detect=cfg.detect,
        optim=cfg.optim,
        loop=cfg.loop,
    )


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    model = OneStage(
        build_model(cfg.model, num_classes=0),
        num_classes,
        len(shape_pairs(head.anchors)),
        stage=head.stage,
        hidden=head.hidden,
        dropout=head.dropout,
    )
    losses = partial(
        one_stage_losses,
        shapes=head.anchors,
        negative=head.negative,
        weights=head.weights,
        background=head.background,
        confidence=head.confidence,
    )
    return Detector(model, losses, partial(one_stage_candidates, shapes=head.anchors))


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Numbers:
    """Trains and reports."""
    task = build(cfg)
    return write_report(
        run_dir, cfg, task, fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    )


if __name__ == "__main__":
    main(__file__)
