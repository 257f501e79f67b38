"""RetinaNet, anchors on a pyramid and the focal loss: jaxdl run shapes_retinanet."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.cli import main
from jaxdl.detection.dense.retinanet import (
    BOX_LOSSES,
    RetinaNet,
    retinanet_candidates,
    retinanet_losses,
)
from jaxdl.detection.detector import Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone."""

    stages: tuple[str, ...] = ("stage4", "last")
    """The stages of the model under the pyramid, the finest first."""
    num_extra: int = 1
    """Coarser levels beyond them."""
    features: int = 64
    """Features of the pyramid and of the towers."""
    depth: int = 2
    """Convolutions of each tower."""
    norm_groups: int = 8
    """Groups of the towers' group norm; 0: no norm."""
    sides: tuple[float, ...] = (8.0, 16.0, 32.0)
    """Of each level: the side of its smallest square anchor in pixels."""
    octaves: int = 3
    """Anchors from one level's side to twice as much."""
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width of anchors."""
    positive_iou: float = 0.5
    """IoU from which an anchor is an object's."""
    negative_iou: float = 0.4
    """IoU below which it is background."""
    alpha: float = 0.25
    """Of the focal loss: the weight of an object's class, 1 - alpha that of all others."""
    gamma: float = 2.0
    """Of the focal loss: how little what is easy counts."""
    box_loss: str = "l1"
    """l1 (of the offsets) or giou."""
    loss_weights: tuple[float, float] = (1.0, 1.0)
    """Of the losses: class, box."""

    def __post_init__(self) -> None:
        check_one_of("head.box_loss", self.box_loss, BOX_LOSSES)
        for name in ("positive_iou", "negative_iou", "alpha"):
            check_fraction(f"head.{name}", getattr(self, name))
        if self.negative_iou > self.positive_iou or min(self.gamma, *self.loss_weights) < 0:
            raise UsageError(
                "head: negative_iou must not exceed positive_iou, gamma and loss_weights be >= 0"
            )
        levels = len(self.stages) + self.num_extra
        if len(self.sides) != levels or min(*self.sides, *self.ratios) <= 0:
            raise UsageError(
                f"head.sides must be one above 0 for each of {levels} levels, and ratios above 0, "
                f"got {self.sides} and {self.ratios}"
            )
        if min(self.features, self.depth, self.octaves) < 1 or self.num_extra < 0:
            raise UsageError("head.features, depth and octaves must be at least 1, num_extra 0")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, a pyramid with two towers, and how they are trained."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    steps = [2 ** (i / head.octaves) for i in range(head.octaves)]
    sides = [[side * step for step in steps] for side in head.sides]
    model = RetinaNet(
        build_model(cfg.model, num_classes=0),
        num_classes,
        len(steps) * len(head.ratios),
        stages=head.stages,
        features=head.features,
        depth=head.depth,
        num_extra=head.num_extra,
        norm=partial(GroupNorm, groups=head.norm_groups) if head.norm_groups else None,
    )
    losses = partial(
        retinanet_losses,
        sides=sides,
        ratios=head.ratios,
        positive_iou=head.positive_iou,
        negative_iou=head.negative_iou,
        alpha=head.alpha,
        gamma=head.gamma,
        box_loss=head.box_loss,
        loss_weights=head.loss_weights,
    )
    count = cfg.detect.pre_nms_top_k
    candidates = partial(retinanet_candidates, sides=sides, ratios=head.ratios, count=count)
    return Detector(model, losses, candidates)


if __name__ == "__main__":
    main(__file__)
