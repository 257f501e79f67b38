"""Clips by class, with any network for clips: jaxdl run moving_slow_fusion, or moving_attention."""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import DataError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, MovingData
from jaxdl.data.load import load_splits
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.freeze import freeze_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossFn, LossOutput, Regularizer, Tree
from jaxdl.video.models.averaged import averaged
from jaxdl.video.models.by_name import VideoModelConfig, build_video_model, video_model_options


@dataclass(frozen=True)
class Config:
    """Clips, a network, and how it is trained."""

    data: DataConfig = MovingData(synthetic_rows=4000, batch_size=64)
    mean: tuple[float, ...] = (0.3,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (0.2,)
    """What they are divided by then."""
    model: VideoModelConfig = video_model_options("slow_fusion")()
    freeze: tuple[str, ...] = ()
    """Patterns of parameters that stay as they are, such as stack/*."""
    label_smoothing: Regularizer = 0.0
    """How much of each label is spread evenly over all classes."""
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("video", "label"))
    classes = splits["train"].classes
    if len(classes) < 2:
        raise DataError(
            f"classification: data {cfg.data.name!r} has {len(classes)} classes of clips; it needs "
            "two or more"
        )
    model = build_video_model(cfg.model, len(classes))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": normalize(to_float(batch["video"]), cfg.mean, cfg.std)}

    task = supervised(
        model,
        splits,
        prepare,
        make_loss(model, cfg.label_smoothing),
        cfg.optim,
        loop=cfg.loop,
        evaluate=make_classifier_evaluator(model, prepare),
    )
    return freeze_task(task, cfg.optim, cfg.loop, cfg.freeze)


def make_loss(model: nn.Module, label_smoothing: float) -> LossFn:
    """Cross-entropy of a clip, or the mean of those of its views, where the network has several."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        label = batch["label"]
        views = logits if logits.ndim == 3 else logits[:, None]
        aim = jnp.broadcast_to(label[:, None], views.shape[:2])
        loss = softmax_cross_entropy(views, aim, label_smoothing=label_smoothing).mean(axis=1)
        metrics = {"loss": weighted(loss), "accuracy": accuracy(averaged(views), label)}
        return global_mean(loss), (extra, metrics)

    return loss_fn


if __name__ == "__main__":
    main(__file__)
