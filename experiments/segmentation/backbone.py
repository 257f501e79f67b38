"""A class for each pixel from a classifier that knows ImageNet: jaxdl run camvid_pretrained."""

from dataclasses import dataclass
from typing import Any

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.models.weights.start import folded_norms
from jaxdl.segmentation.predict import predict_files as predict
from jaxdl.segmentation.stage_decoder import StageDecoder
from jaxdl.segmentation.task import SegmentationConfig, segmentation_task
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """What follows the backbone."""

    stages: tuple[str, ...] = ("stage2", "stage3", "stage5", "stage7")
    """The stages of the model whose maps are decoded, the finest first."""
    features: int = 64
    """Of each map on the way."""
    dropout: float = 0.1
    """Chance that one of the last features is dropped in training."""

    def __post_init__(self) -> None:
        if not self.stages or self.features < 1:
            raise UsageError("head.stages must name stages, and head.features be at least 1")


@dataclass(frozen=True)
class Config(SegmentationConfig):
    """Pictures with a class for each pixel, a classifier as backbone, and how both learn them."""

    model: ModelConfig = ModelConfig(name="mobilenet_v2")
    head: HeadConfig = HeadConfig()
    freeze: tuple[str, ...] = ()
    """Patterns of the parameters that stay as they are: backbone/*. Norms that a weight file has
    folded into its kernels do, too."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    cfg = resolve(cfg)

    def build_net(num_classes: int) -> StageDecoder:
        backbone, head = build_model(cfg.model, num_classes=0), cfg.head
        return StageDecoder(
            backbone, num_classes, head.stages, features=head.features, dropout=head.dropout
        )

    def frozen(model: Any) -> tuple[str, ...]:
        return (*cfg.freeze, *folded_norms(model.backbone, "backbone"))

    return segmentation_task(cfg, build_net, frozen=frozen)


if __name__ == "__main__":
    main(__file__)
