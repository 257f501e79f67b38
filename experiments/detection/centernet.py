"""CenterNet, objects as peaks of heat maps: jaxdl run shapes_centernet."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.detection.dense.centernet import (
    CenterNet,
    centernet_candidates,
    centernet_heat,
    centernet_losses,
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
    loss_weights: tuple[float, float, float] = (1.0, 1.0, 0.1)
    """Of the losses: heat, offset, size."""
    max_peaks: int = 100
    """Most peaks that are read as boxes."""

    def __post_init__(self) -> None:
        if min(self.loss_weights) < 0 or self.num_upsamples < 0:
            raise UsageError("head.loss_weights and head.num_upsamples must be >= 0")
        if min(self.features, self.max_peaks) < 1:
            raise UsageError("head.features and head.max_peaks must be at least 1")


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
    model = CenterNet(
        build_model(cfg.model, num_classes=0),
        num_classes,
        stage=head.stage,
        features=head.features,
        num_upsamples=head.num_upsamples,
    )
    losses = partial(centernet_losses, loss_weights=head.loss_weights)
    candidates = partial(centernet_candidates, count=head.max_peaks)
    return Detector(model, losses, candidates, heat=centernet_heat)


if __name__ == "__main__":
    main(__file__)
