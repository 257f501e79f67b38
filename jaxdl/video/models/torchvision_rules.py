"""What torchvision calls the parameters of our networks for clips."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.models.weights.weight_rules import Pattern, Rules, from_torch
from jaxdl.typing import Host, Tree
from jaxdl.video.models.s3d import S3D
from jaxdl.video.models.video_resnet import VideoResNet


def video_resnet_rules(model: VideoResNet) -> Rules:
    """Every layer stands in a list; one of 2+1d is a list of its own."""
    at = ("0", "1", "3", "4") if model.stem == "2+1d" else ("", "", "0", "1")
    names = ("stem_space", "stem_space_norm", "stem_conv", "stem_norm")
    modules: list[Pattern] = [(ours, f"stem.{i}") for ours, i in zip(names, at, strict=True)]
    for stage, kind in enumerate(model.kinds, 1):
        ours, theirs = rf"stage{stage}_block(\d+)", f"layer{stage}.{{1-1}}"
        conv = "0.3" if kind == "2+1d" else "0"
        modules += [
            (rf"{ours}/conv(\d)/conv", f"{theirs}.conv{{2}}.{conv}"),
            (rf"{ours}/conv(\d)/space", f"{theirs}.conv{{2}}.0.0"),
            (rf"{ours}/conv(\d)/norm", f"{theirs}.conv{{2}}.0.1"),
            (rf"{ours}/norm(\d)", f"{theirs}.conv{{2}}.1"),
            (f"{ours}/proj", f"{theirs}.downsample.0"),
            (f"{ours}/proj_norm", f"{theirs}.downsample.1"),
        ]
    return Rules([*modules, ("head", "fc")])


def s3d_rules(model: S3D) -> Rules:
    """Layers are numbered in their order, pools too."""
    modules: list[Pattern] = [("head", "classifier.1")]

    def add(ours: str, theirs: str) -> None:
        modules.extend([(f"{ours}/conv", f"{theirs}.0"), (f"{ours}/norm", f"{theirs}.1")])

    def add_separable(ours: str, theirs: str) -> None:
        add(f"{ours}/space", f"{theirs}.0")
        add(f"{ours}/time", f"{theirs}.1")

    add_separable("conv1", "features.0")
    add("conv2", "features.2")
    add_separable("conv3", "features.3")
    at = 5
    for name, _ in model.blocks:
        at += name in ("inception4a", "inception5a")
        add(f"{name}/one", f"features.{at}.branch0")
        for branch, width in ((1, "three"), (2, "five")):
            add(f"{name}/{width}1", f"features.{at}.branch{branch}.0")
            add_separable(f"{name}/{width}2", f"features.{at}.branch{branch}.1")
        add(f"{name}/pool2", f"features.{at}.branch3.1")
        at += 1
    return Rules(modules)


VIDEO_RULES: dict[type, Callable[[Any], Rules]] = {VideoResNet: video_resnet_rules, S3D: s3d_rules}


def rules_for_clips(model: Any) -> Rules:
    """The rules of the network's family. Raises UsageError where there are none."""
    for cls in type(model).__mro__:
        if cls in VIDEO_RULES:
            return VIDEO_RULES[cls](model)
    known = ", ".join(sorted(cls.__name__ for cls in VIDEO_RULES))
    raise UsageError(
        f"weights: torchvision has no names for {type(model).__name__}; there are rules for {known}"
    )


def import_video_weights(
    model: Any, arrays: Mapping[str, Host], clip: tuple[int, int, int] = (16, 224, 224)
) -> Tree:
    """The variables of `model` from torchvision's arrays by their names; `clip` is T, H, W.

    Raises UsageError for a model that torchvision has not, CheckpointError where they do not fit.
    """
    rules = rules_for_clips(model)
    x = jax.ShapeDtypeStruct((1, *clip, 3), jnp.float32)
    like = jax.eval_shape(partial(model.init, train=False), jax.eval_shape(jax.random.key, 0), x)
    return from_torch(rules, arrays, like, who=f"torchvision's {type(model).__name__}")
