"""SSD and SSDlite, default boxes on maps of falling size: jaxdl run shapes_ssd."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.dense.ssd import SSD, count_boxes, ssd_candidates, ssd_losses
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone."""

    stages: tuple[str, ...] = ("last",)
    """The stages of the model whose maps are predicted from, the finest first."""
    extra: tuple[int, ...] = (96, 96)
    """Features of the maps beyond them, each half as fine as the one before."""
    lite: bool = False
    """Predict by depthwise convolutions (SSDlite)."""
    scales: tuple[float, ...] = (0.18, 0.35, 0.6, 0.9)
    """Sides of square boxes as parts of the picture: one a level, and one more."""
    ratios: tuple[float, ...] = (2.0,)
    """Width over height, and height over width, of the other boxes of every level."""
    positive_iou: float = 0.5
    """IoU from which a box is an object's."""
    negatives: float = 3.0
    """How many times as many boxes of the background count, those with the largest loss."""
    loss_weights: tuple[float, float] = (1.0, 1.0)
    """Of the losses: class, box."""

    def __post_init__(self) -> None:
        check_fraction("head.positive_iou", self.positive_iou)
        levels = len(self.stages) + len(self.extra)
        if len(self.scales) != levels + 1 or min(*self.scales, *self.ratios, 1) <= 0:
            raise UsageError(
                f"head.scales must be {levels + 1} above 0, one more than levels, and ratios above "
                f"0, got {self.scales} and {self.ratios}"
            )
        if min(self.negatives, *self.loss_weights) < 0 or min(self.extra, default=2) < 2:
            raise UsageError("head: negatives and loss_weights must be >= 0, extra at least 2")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, default boxes, and how they are trained."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    ratios = (head.ratios,) * (len(head.stages) + len(head.extra))
    model = SSD(
        build_model(cfg.model, num_classes=0),
        num_classes,
        count_boxes(ratios),
        stages=head.stages,
        extra=head.extra,
        extra_strides=(2,) * len(head.extra),
        lite=head.lite,
        norm=BatchNorm,
    )
    losses = partial(
        ssd_losses,
        scales=head.scales,
        ratios=ratios,
        positive_iou=head.positive_iou,
        negatives=head.negatives,
        loss_weights=head.loss_weights,
    )
    count = cfg.detect.pre_nms_top_k
    candidates = partial(ssd_candidates, scales=head.scales, ratios=ratios, count=count)
    return Detector(model, losses, candidates)


if __name__ == "__main__":
    main(__file__)
