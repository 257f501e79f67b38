"""Given regions, classified: jaxdl run shapes_fast_rcnn, shapes_rcnn, shapes_windows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.cli import main
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.detection.two_stage.fast_rcnn import RCNN, FastRCNN
from jaxdl.detection.two_stage.faster_rcnn import region_candidates, region_losses
from jaxdl.detection.two_stage.region_proposals import color_regions, sliding_windows
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task
from jaxdl.typing import Host

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """Where regions come from, and what is done with each."""

    proposal_method: str = "colors"
    """colors (regions of like color) or windows (squares of all sides, everywhere)."""
    max_proposals: int = 48
    """Of colors: most regions a picture."""
    window_sides: tuple[int, ...] = (16, 24, 32, 48)
    """Of windows: their sides in pixels."""
    window_step: float = 0.5
    """Of windows: how far they move, a part of their side."""
    warp: bool = False
    """R-CNN: every region is warped and passes the backbone by itself. Without it the picture
    passes once, and regions are pooled from its features (Fast R-CNN)."""
    warp_size: int = 32
    """Of warp: pixels per side that a region is warped to."""
    roi_size: int = 5
    """Without warp: cells per side that a region is pooled to."""
    refine: bool = True
    """Learn to move the region's box; without it the answer is the region itself."""
    stage: str = "last"
    """The stage of the model whose values are the features."""
    hidden: int = 128
    """Features of the hidden layer."""
    dropout: float = 0.3
    """Chance that one of them is dropped in training."""
    class_boxes: bool = False
    """Refine: a box for each class; without it one for all."""
    roi_positive_iou: float = 0.5
    """IoU from which a region is an object's."""
    roi_neutral: float = 0.0
    """How far below it a region is neither an object's nor background, and is not learned from."""
    samples_per_image: int = 32
    """Regions of a picture that are learned from, at most a quarter of them objects."""

    def __post_init__(self) -> None:
        check_one_of("head.proposal_method", self.proposal_method, ("colors", "windows"))
        check_fraction("head.roi_positive_iou", self.roi_positive_iou)
        if not 0 <= self.roi_neutral <= self.roi_positive_iou:
            raise UsageError(
                f"head.roi_neutral must lie in 0..{self.roi_positive_iou}, which is "
                f"head.roi_positive_iou, got {self.roi_neutral}"
            )
        sizes = (self.max_proposals, self.warp_size, self.roi_size, self.samples_per_image)
        if min(*sizes, *self.window_sides) < 1:
            raise UsageError(
                "head: max_proposals, window_sides, warp_size, roi_size and samples_per_image "
                "must be at least 1"
            )


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
        "class_boxes": head.class_boxes,
    }
    if not head.warp:
        model = FastRCNN(backbone, num_classes, roi_size=head.roi_size, **options)
    else:
        model = RCNN(backbone, num_classes, warp_size=head.warp_size, **options)
    losses = partial(
        region_losses,
        roi_positive_iou=head.roi_positive_iou,
        roi_neutral=head.roi_neutral,
        samples_per_image=head.samples_per_image,
    )
    return Detector(model, losses, region_candidates, propose=choose_proposals(head))


def choose_proposals(head: HeadConfig) -> Callable[[Host], dict[str, Host]]:
    """What makes the regions of pictures."""
    if head.proposal_method == "colors":
        return partial(color_regions, most=head.max_proposals)
    return partial(sliding_windows, sides=head.window_sides, step=head.window_step)


if __name__ == "__main__":
    main(__file__)
