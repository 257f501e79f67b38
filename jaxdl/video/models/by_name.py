"""Networks for clips by name, so that a config can choose one."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from jaxdl.checks import unknown
from jaxdl.models.named import with_options
from jaxdl.models.registry import options_class
from jaxdl.video.models.attention import SpaceTimeTransformer
from jaxdl.video.models.c3d import C3D
from jaxdl.video.models.fusion import EarlyFusion, LateFusion, SingleFrame, SlowFusion
from jaxdl.video.models.i3d import I3D
from jaxdl.video.models.recurrent import CNNLSTM, RecurrentConvNet
from jaxdl.video.models.s3d import S3D
from jaxdl.video.models.slowfast import SlowFast
from jaxdl.video.models.two_stream import TwoStream
from jaxdl.video.models.video_resnet import MC318, R3D18, R2Plus1D18

VIDEO_MODELS: dict[str, Callable[..., Any]] = {
    "single_frame": SingleFrame,
    "late_fusion": LateFusion,
    "early_fusion": EarlyFusion,
    "slow_fusion": SlowFusion,
    "two_stream": TwoStream,
    "cnn_lstm": CNNLSTM,
    "recurrent_convnet": RecurrentConvNet,
    "slowfast": SlowFast,
    "attention": SpaceTimeTransformer,
    "c3d": C3D,
    "i3d": I3D,
    "s3d": S3D,
    "r3d_18": R3D18,
    "mc3_18": MC318,
    "r2plus1d_18": R2Plus1D18,
}


@dataclasses.dataclass(frozen=True)
class VideoModelConfig:
    """Which network; `choose` gives the dataclass of its own options."""

    name: str = "slow_fusion"

    @staticmethod
    def choose(name: str) -> type["VideoModelConfig"]:
        """`video_model_options(name)`."""
        return video_model_options(name)

    def __reduce__(self) -> Any:  # pickle finds no class that was made by `options_class`
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return _options_of, (values,)


def _options_of(values: dict[str, Any]) -> VideoModelConfig:
    return video_model_options(values["name"])(**values)


@functools.cache
def video_model_options(name: str) -> type[VideoModelConfig]:
    """See `options_class`. Raises UsageError with the nearest names for an unknown one."""
    if name not in VIDEO_MODELS:
        raise unknown("video model", name, VIDEO_MODELS)
    return options_class(name, VIDEO_MODELS[name], VideoModelConfig)


def build_video_model(cfg: VideoModelConfig, num_classes: int) -> Any:
    """The network of a config's `model` table, a Linen module."""
    options = {f.name: getattr(cfg, f.name) for f in dataclasses.fields(cfg)}
    name = options.pop("name")
    return with_options(VIDEO_MODELS[name], name, num_classes=num_classes, **options)
