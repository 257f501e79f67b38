"""A class for each pixel: jaxdl run shapes_unet, camvid_unet, own_masks, ..."""

from dataclasses import dataclass

from jaxdl.cli import main
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.segmentation.predict import predict_files as predict
from jaxdl.segmentation.task import SegmentationConfig, segmentation_task
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict"]


@dataclass(frozen=True)
class Config(SegmentationConfig):
    """Pictures with a class for each pixel, a network, and how it learns them."""

    model: ModelConfig = ModelConfig(name="unet")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    return segmentation_task(cfg, lambda num_classes: build_model(cfg.model, num_classes))


if __name__ == "__main__":
    main(__file__)
