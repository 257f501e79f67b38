"""Class and box of the one object of a picture: jaxdl run shapes_localize."""

from dataclasses import dataclass
from functools import partial

from jaxdl.cli import main
from jaxdl.detection.detector import Detector
from jaxdl.detection.localization import Localizer, localize_candidates, localize_losses
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """The two heads."""

    stage: str = "last"
    """The stage of the model whose values are the features."""
    features: int = 128
    """Features of the hidden layer."""
    box_weight: float = 5.0
    """Of the loss of the box, beside that of the class."""


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with one object (of more, the largest), a classifier, and its two heads."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    model = Localizer(
        build_model(cfg.model, num_classes=0),
        num_classes,
        stage=cfg.head.stage,
        features=cfg.head.features,
    )
    losses = partial(localize_losses, box_weight=cfg.head.box_weight)
    return Detector(model, losses, localize_candidates)


if __name__ == "__main__":
    main(__file__)
