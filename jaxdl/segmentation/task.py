"""The task that trains and measures any network that gives a class for each pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.masks.label_map import VOID
from jaxdl.data.splits.split import Split
from jaxdl.losses.segmentation import (
    boundary_weights,
    dice_loss,
    jaccard_loss,
    pixel_cross_entropy,
    pixel_focal_loss,
)
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.segmentation.evaluate import SegmentEvaluator
from jaxdl.segmentation.look import LookConfig
from jaxdl.segmentation.prepare import SegmentImageConfig, load_segments, prepare_segments
from jaxdl.training.freeze import freeze_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossFn, LossOutput, Tree

PIXEL_LOSSES: dict[str, Callable[..., Array]] = {
    "cross_entropy": pixel_cross_entropy,
    "focal": pixel_focal_loss,
}
OVERLAP_LOSSES: dict[str, Callable[..., Array]] = {"dice": dice_loss, "jaccard": jaccard_loss}


@dataclass(frozen=True)
class SegmentLossConfig:
    """What is minimized: a mean over pixels, and perhaps a lack of overlap."""

    pixels: str = "cross_entropy"
    """cross_entropy or focal, of each pixel."""
    overlap: str = "dice"
    """dice or jaccard, of each picture."""
    overlap_weight: float = 0.0
    """What the lack of overlap counts beside the mean over pixels."""
    boundary_gain: float = 0.0
    """How much more a pixel counts right at a boundary of classes."""
    boundary_sigma: float = 2.0
    """Pixels over which that fades."""
    balance: float = 0.0
    """Pixels of class k count (median share / its share)^balance (0: all the same)."""
    aux_weight: float = 0.5
    """What the mean over pixels counts of a model's auxiliary logits, where it has them."""

    def __post_init__(self) -> None:
        check_one_of("loss.pixels", self.pixels, PIXEL_LOSSES)
        check_one_of("loss.overlap", self.overlap, OVERLAP_LOSSES)
        for name in ("overlap_weight", "boundary_gain", "balance", "aux_weight"):
            if getattr(self, name) < 0:
                raise UsageError(f"loss.{name} must be >= 0, got {getattr(self, name)}")
        if self.boundary_sigma <= 0:
            raise UsageError(f"loss.boundary_sigma must be > 0, got {self.boundary_sigma}")


@dataclass(frozen=True)
class SegmentationConfig:
    """Pictures with a class for each pixel, and how a network learns them."""

    data: DataConfig = ShapesData(annotations="segments", image_size=(64,))
    image: SegmentImageConfig = SegmentImageConfig()
    loss: SegmentLossConfig = SegmentLossConfig()
    look: LookConfig = LookConfig()
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation and dropout."""


@dataclass(frozen=True, kw_only=True)
class SegmentationTask(Task):
    """A task whose model gives a class for each pixel; `look` is how it is asked."""

    look: LookConfig


def segmentation_task(
    cfg: SegmentationConfig,
    build_model: Callable[[int], nn.Module],
    *,
    frozen: Callable[[nn.Module], tuple[str, ...]] = lambda model: (),
) -> SegmentationTask:
    """The task of `build_model(number of classes)` on the data of `cfg`; `frozen(model)`: patterns
    of what stays as it is."""
    splits = load_segments(cfg.data)
    model = build_model(len(splits["train"].classes))
    prepare = prepare_segments(cfg.image)
    evaluate = SegmentEvaluator(model, prepare, cfg.look)
    task = supervised(
        model,
        splits,
        prepare,
        make_loss(model, cfg.loss, class_weights(splits["train"], cfg.loss.balance)),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )
    task = freeze_task(task, cfg.optim, cfg.loop, frozen(model))
    return SegmentationTask(**vars(task), look=cfg.look)


def make_loss(model: nn.Module, cfg: SegmentLossConfig, weights: Host) -> LossFn:
    """The mean over pixels, weighted by class and boundary, plus the lack of overlap."""
    pixel_loss, overlap_loss = PIXEL_LOSSES[cfg.pixels], OVERLAP_LOSSES[cfg.overlap]

    def pixels(logits: Array, segments: Array) -> Array:
        return global_mean(pixel_loss(logits, segments), pixel_weights(segments))

    def pixel_weights(segments: Array) -> Array:
        table = jnp.concatenate([weights, jnp.zeros(VOID + 1 - len(weights))])
        own = table[segments.astype(jnp.int32)]
        if cfg.boundary_gain:
            gain, sigma = cfg.boundary_gain, cfg.boundary_sigma
            own = own * boundary_weights(segments, gain=gain, sigma=sigma)
        return own

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        options: dict[str, Any] = {"stages": True} if getattr(model, "aux", False) else {}
        out, extra = apply_train(model, params, extra, batch["image"], key, **options)
        segments = batch["segments"]
        logits: Any = out["logits"] if options else out
        right = jnp.argmax(logits, axis=-1) == segments
        loss = pixels(logits, segments)
        metrics = {"loss": (loss, 1.0), "pixel_accuracy": weighted(right, segments != VOID)}
        if cfg.overlap_weight:
            lack = overlap_loss(logits, segments)
            metrics[f"{cfg.overlap}_loss"] = weighted(lack)
            loss = loss + cfg.overlap_weight * global_mean(lack)
        if options and cfg.aux_weight:
            loss = loss + cfg.aux_weight * pixels(out["aux"], segments)
        return loss, (extra, {**metrics, "loss": (loss, 1.0)})

    return loss_fn


def class_weights(split: Split, balance: float) -> Host:
    """(median share / own share)^balance of each class, over the first rows: `(K,)` float32.

    Median frequency balancing (Eigen & Fergus 2015, arXiv 1411.4734, section 6.3.2) at `balance` 1,
    with shares of all pixels. A class without a pixel weighs as much as the rarest.
    """
    count = len(split.classes)
    if not balance:
        return np.ones(count, np.float32)
    segments = split.read("segments", np.arange(min(split.size, 1000)))
    pixels = np.bincount(segments[segments != VOID], minlength=count).astype(np.float64)
    there = pixels > 0
    pixels[~there] = pixels[there].min()
    return ((np.median(pixels[there]) / pixels) ** balance).astype(np.float32)
