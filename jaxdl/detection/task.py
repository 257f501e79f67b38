"""The task that trains and measures any detector, and what all their configs say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp

from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.splits.split import Split
from jaxdl.detection.detector import DetectConfig, Detections, Detector
from jaxdl.detection.evaluate import DetectionEvaluator
from jaxdl.detection.prepare import BoxImageConfig, load_boxes, prepare_boxes
from jaxdl.detection.two_stage.region_proposals import with_proposals
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.registry import ModelConfig
from jaxdl.models.weights.at_hand import resolve_backbone
from jaxdl.models.weights.start import folded_norms
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.freeze import freeze_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossFn, LossOutput, Tree


@dataclass(frozen=True)
class DetectionConfig:
    """Pictures with boxes, a backbone, and how a detector on it is trained."""

    data: DataConfig = ShapesData(image_size=(64,))
    image: BoxImageConfig = BoxImageConfig()
    model: ModelConfig = ModelConfig(name="mobilenet_v2")
    detect: DetectConfig = DetectConfig()
    freeze: tuple[str, ...] = ()
    """Patterns of the parameters that stay as they are: backbone/*. Norms that a weight file has
    folded into its kernels do, too."""
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the augmentation, dropout and sampling."""


@dataclass(frozen=True, kw_only=True)
class DetectionTask(Task):
    """A task whose model finds boxes: `detect(variables, prepared batch) -> Detections`.

    `all_boxes` gives boxes, scores and labels before any is left out; `propose` is the detector's,
    for given regions.
    """

    detect: Callable[[Tree, Batch], Detections]
    all_boxes: Callable[[Tree, Batch], tuple[Array, Array, Array]]
    propose: Callable[[Host], dict[str, Host]] | None = None


def detection_task(
    cfg: DetectionConfig, build_detector: Callable[[Any, int], Detector]
) -> DetectionTask:
    """The task of `build_detector(cfg, number of classes)` on the data of `cfg`."""
    cfg = resolve_backbone(cfg)
    splits = load_boxes(cfg.data)
    return train_detector(cfg, build_detector(cfg, len(splits["train"].classes)), splits)


def train_detector(
    cfg: DetectionConfig, detector: Detector, splits: dict[str, Split]
) -> DetectionTask:
    """The task of a detector on splits of `load_boxes`."""
    if detector.propose is not None:
        splits = {role: with_proposals(split, detector.propose) for role, split in splits.items()}
    skeleton = splits["train"].skeleton
    prepare = prepare_boxes(cfg.image, skeleton.mirrored if skeleton else ())
    detect = partial(detector.detect, cfg.detect)
    evaluate = DetectionEvaluator(detect, prepare, maps=detector.maps)
    task = supervised(
        detector.model,
        splits,
        prepare,
        make_loss(detector),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )
    frozen = (*cfg.freeze, *folded_norms(getattr(detector.model, "backbone", None), "backbone"))
    task = freeze_task(task, cfg.optim, cfg.loop, frozen)
    return DetectionTask(
        **vars(task), detect=detect, all_boxes=detector.all_boxes, propose=detector.propose
    )


def make_loss(detector: Detector) -> LossFn:
    """The mean over pictures of the sum of the detector's losses, each also a metric."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        options = detector.options(batch, train=True)
        out, extra = apply_train(detector.model, params, extra, batch["image"], key, **options)
        parts = detector.losses(out, batch)
        total = jnp.sum(jnp.stack(list(parts.values())), axis=0)
        metrics = {"loss": weighted(total)} | {k: weighted(v) for k, v in parts.items()}
        return global_mean(total), (extra, metrics)

    return loss_fn
