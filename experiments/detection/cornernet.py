"""CornerNet, objects as pairs of corners: jaxdl run shapes_cornernet."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.dense.cornernet import (
    CornerNet,
    cornernet_candidates,
    cornernet_heat,
    cornernet_losses,
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
    """The stage of the model whose values are the features."""
    features: int = 64
    """Features of the hidden layers."""
    num_upsamples: int = 1
    """How often the features are enlarged twofold."""
    loss_weights: tuple[float, float, float, float] = (1.0, 0.1, 0.1, 1.0)
    """Of the losses: heat, pull, push, offset."""
    heat_iou: float = 0.3
    """The least IoU of a box whose corners lie in the bumps of heat around the true ones."""
    max_corners: int = 100
    """Most corners of each kind, all pairs of which are read as boxes."""
    most_apart: float = 0.5
    """The largest difference of the embeddings of a pair."""

    def __post_init__(self) -> None:
        check_fraction("head.heat_iou", self.heat_iou)
        if min(*self.loss_weights, self.num_upsamples, self.most_apart) < 0:
            raise UsageError(
                "head.loss_weights, head.num_upsamples and head.most_apart must be >= 0"
            )
        if min(self.features, self.max_corners) < 1:
            raise UsageError("head.features and head.max_corners must be at least 1")


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, heads, and how they are trained."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    model = CornerNet(
        build_model(cfg.model, num_classes=0),
        num_classes,
        stage=head.stage,
        features=head.features,
        num_upsamples=head.num_upsamples,
    )
    losses = partial(cornernet_losses, loss_weights=head.loss_weights, overlap=head.heat_iou)
    candidates = partial(cornernet_candidates, count=head.max_corners, most_apart=head.most_apart)
    return Detector(model, losses, candidates, heat=cornernet_heat)


if __name__ == "__main__":
    main(__file__)
