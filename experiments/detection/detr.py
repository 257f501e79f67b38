"""DETR, a set of boxes from a transformer: jaxdl run shapes_detr."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.detection.detector import DetectConfig, Detector
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.set_prediction.detr import DETR, detr_candidates
from jaxdl.detection.set_prediction.set_losses import detr_losses
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone, and what is learned."""

    stage: str = "last"
    """The stage of the model whose cells the encoder sees."""
    num_queries: int = 100
    """Boxes per picture, with or without an object; at least as many as objects."""
    width: int = 256
    """Of the transformer; it divides by 4 and by heads."""
    heads: int = 8
    """Of each attention."""
    hidden: int = 2048
    """Width inside the MLPs."""
    encoder_depth: int = 6
    """Layers over cells."""
    decoder_depth: int = 6
    """Layers over queries, each of which is trained."""
    dropout: float = 0.1
    """In the transformer."""
    norm_first: bool = False
    """Norms stand before attentions and MLPs, not after."""
    loss_weights: tuple[float, float, float] = (1.0, 5.0, 2.0)
    """Of the losses: class, L1, generalized IoU."""
    cost_weights: tuple[float, float, float] = (1.0, 5.0, 2.0)
    """Of the same in the matching."""
    no_object_weight: float = 0.1
    """Of queries without an object in the class loss."""

    def __post_init__(self) -> None:
        check_fraction("head.dropout", self.dropout)
        if min(*self.loss_weights, *self.cost_weights) < 0 or self.no_object_weight <= 0:
            raise UsageError(
                "head.loss_weights and head.cost_weights must be >= 0, head.no_object_weight > 0"
            )
        if min(self.num_queries, self.hidden, self.encoder_depth + 1, self.decoder_depth) < 1:
            raise UsageError(
                "head.num_queries, head.hidden and head.decoder_depth must be at least 1, "
                "head.encoder_depth at least 0"
            )
        if self.width % 4 or self.heads < 1 or self.width % self.heads:
            raise UsageError(
                f"head.width must divide by 4 and by head.heads, got {self.width}, {self.heads}"
            )


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, a backbone, a transformer, and how they are trained."""

    detect: DetectConfig = DetectConfig(nms_iou=1.0)  # a set needs no suppression
    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return detection_task(cfg, build_detector)


def build_detector(cfg: Config, num_classes: int) -> Detector:
    """Model, losses and boxes of `cfg`."""
    head = cfg.head
    model = DETR(
        build_model(cfg.model, num_classes=0),
        num_classes,
        stage=head.stage,
        num_queries=head.num_queries,
        width=head.width,
        heads=head.heads,
        hidden=head.hidden,
        encoder_depth=head.encoder_depth,
        decoder_depth=head.decoder_depth,
        dropout=head.dropout,
        norm_first=head.norm_first,
    )
    losses = partial(
        detr_losses,
        loss_weights=head.loss_weights,
        cost_weights=head.cost_weights,
        no_object_weight=head.no_object_weight,
    )
    return Detector(model, losses, detr_candidates)


if __name__ == "__main__":
    main(__file__)
