"""Given regions, classified: jaxdl run shapes_fast_rcnn, shapes_rcnn, shapes_windows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.cli import main
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.predict import show_run as show
from jaxdl.detection.task import DetectionConfig, detection_task, train_and_report
from jaxdl.detection.two_stage.fast_rcnn import RCNN, FastRCNN
from jaxdl.detection.two_stage.faster_rcnn import region_candidates, region_losses
from jaxdl.detection.two_stage.region_proposals import color_regions, sliding_windows
from jaxdl.models.registry import build_model
from jaxdl.training.task import Task
from jaxdl.typing import Host, Numbers

__all__ = ["Config", "build", "predict", "run", "show"]


@dataclass(frozen=True)
class HeadConfig:
    """Where regions come from, and what is done with each."""

    source: str = "colors"
    """colors (regions of like color) or windows (squares of all sides, everywhere)."""
    most: int = 48
    """Of colors: most regions a picture."""
    sides: tuple[int, ...] = (16, 24, 32, 48)
    """Of windows: their sides in pixels."""
    step: float = 0.5
    """Of windows: how far they move, a part of their side."""
    way: str = "fast"
    """fast (one pass a picture, then RoI pooling) or warp (R-CNN: one pass a region)."""
    side: int = 32
    """Of warp: pixels a side that a region is warped to."""
    pooled: int = 5
    """Of fast: cells a side that a region is pooled to."""
    refine: bool = True
    """Learn to move the region's box; without it the answer is the region itself."""
    stage: str = "last"
    """The stage of the model whose values are the features."""
    hidden: int = 128
    """Features of the hidden layer."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    region: float = 0.5
    """IoU from which a region is an object's."""
    samples: int = 32
    """Regions of a picture that are learned from, at most a quarter of them objects."""

    def __post_init__(self) -> None:
        check_one_of("head.source", self.source, ("colors", "windows"))
        check_one_of("head.way", self.way, ("fast", "warp"))
        check_fraction("head.region", self.region)
        if min(self.most, self.side, self.pooled, self.samples, *self.sides) < 1:
            raise UsageError("head: most, sides, side, pooled and samples must be at least 1")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, regions that may hold them, and a classifier of regions."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses, regions and boxes of `cfg`."""
    head, backbone = cfg.head, build_model(cfg.model, num_classes=0)
    options: dict[str, Any] = {
        "stage": head.stage,
        "hidden": head.hidden,
        "dropout": head.dropout,
        "refine": head.refine,
    }
    if head.way == "fast":
        model = FastRCNN(backbone, num_classes, pooled=head.pooled, **options)
    else:
        model = RCNN(backbone, num_classes, side=head.side, **options)
    losses = partial(region_losses, region=head.region, samples=head.samples)
    return Detector(model, losses, region_candidates, propose=choose_source(head))


def choose_source(head: HeadConfig) -> Callable[[Host], dict[str, Host]]:
    """What makes the regions of pictures."""
    if head.source == "colors":
        return partial(color_regions, most=head.most)
    return partial(sliding_windows, sides=head.sides, step=head.step)


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Numbers:
    """Trains and reports."""
    return train_and_report(build(cfg), cfg, run_dir, resume)


if __name__ == "__main__":
    main(__file__)
