"""FCOS, cells that say how far their object's sides are: jaxdl run shapes_fcos."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.dense.fcos import FCOS, fcos_candidates, fcos_losses
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
    strides: tuple[float, ...] = (8.0, 16.0, 32.0)
    """Of each level: pixels that a cell measures; distances are told in them."""
    radius: float = 1.5
    """Strides that a cell may be away from its object's center, in x and in y."""
    reach: float = 4.0
    """A level is for objects whose farthest side is so many strides away, up to twice as many."""
    alpha: float = 0.25
    """Of the focal loss: the weight of an object's class, 1 - alpha that of all others."""
    gamma: float = 2.0
    """Of the focal loss: how little what is easy counts."""
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Of the losses: class, box, centerness."""

    def __post_init__(self) -> None:
        check_fraction("head.alpha", self.alpha)
        levels = len(self.stages) + self.num_extra
        if len(self.strides) != levels or min(self.strides) <= 0:
            raise UsageError(
                f"head.strides must be one above 0 for each of {levels} levels, got {self.strides}"
            )
        if min(self.radius, self.reach) <= 0 or min(self.gamma, *self.loss_weights) < 0:
            raise UsageError(
                "head: radius and reach must be above 0, gamma and loss_weights be >= 0"
            )
        if min(self.features, self.depth) < 1 or self.num_extra < 0:
            raise UsageError("head.features and depth must be at least 1, num_extra 0")


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
    model = FCOS(
        build_model(cfg.model, num_classes=0),
        num_classes,
        stages=head.stages,
        features=head.features,
        depth=head.depth,
        num_extra=head.num_extra,
        norm=partial(GroupNorm, groups=head.norm_groups) if head.norm_groups else None,
    )
    losses = partial(
        fcos_losses,
        strides=head.strides,
        radius=head.radius,
        reach=head.reach,
        alpha=head.alpha,
        gamma=head.gamma,
        loss_weights=head.loss_weights,
    )
    count = cfg.detect.pre_nms_top_k
    return Detector(model, losses, partial(fcos_candidates, strides=head.strides, count=count))


if __name__ == "__main__":
    main(__file__)
