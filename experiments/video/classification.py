"""Clips by class, with any network for clips: jaxdl run moving_slow_fusion, or moving_attention."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, MovingData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.freeze import freeze_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, LossFn, LossOutput, Regularizer, Tree
from jaxdl.video.clips.over_clips import OverClips, each_clip, one_clip
from jaxdl.video.draw_clips import draw_clips, save_film
from jaxdl.video.flow.lucas_kanade import lucas_kanade
from jaxdl.video.models.averaged import averaged
from jaxdl.video.models.by_name import VideoModelConfig, build_video_model, video_model_options

SHOWN = 12  # classes of which a clip is drawn


@dataclass(frozen=True)
class FlowConfig:
    """Lucas and Kanade's flow, which two_stream is given beside the colors."""

    levels: int = 2
    """Times that the pictures are halved."""
    sigma: float = 1.5
    """Deviation in pixels of the neighborhood that shares a move."""
    iterations: int = 1
    """Of each level."""


@dataclass(frozen=True)
class Config:
    """Clips, a network, and how it is trained."""

    data: DataConfig = MovingData(synthetic_rows=4000, batch_size=64)
    mean: tuple[float, ...] = (0.3,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (0.2,)
    """What they are divided by then."""
    model: VideoModelConfig = video_model_options("slow_fusion")()
    flow: FlowConfig = FlowConfig()
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

    def see(clips: Array) -> Array:
        video = to_float(clips)
        image = normalize(video, cfg.mean, cfg.std)
        if cfg.model.name == "two_stream":
            image = jnp.concatenate([image, flow_to_the_next(video, cfg.flow)], axis=-1)
        return image

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": see(one_clip(keys, batch["video"], train=train))}

    def prepare_all(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": each_clip(batch["video"], see)}

    over_clips: Any = OverClips(model)
    task = supervised(
        model,
        splits,
        prepare,
        make_loss(model, cfg.label_smoothing),
        cfg.optim,
        loop=cfg.loop,
        evaluate=make_classifier_evaluator(over_clips, prepare_all),
        draw=partial(
            draw_predictions, RowEvaluator(partial(probabilities, over_clips), prepare_all)
        ),
    )
    return freeze_task(task, cfg.optim, cfg.loop, cfg.freeze)


def flow_to_the_next(video: Array, cfg: FlowConfig) -> Array:
    """`(B, T, H, W, 3)` in [0, 1] -> `(B, T, H, W, 2)` in pixels; that of the last frame is 0."""
    b, t, h, w, c = video.shape
    pairs = [frames.reshape(-1, h, w, c) for frames in (video[:, :-1], video[:, 1:])]
    flow = lucas_kanade(*pairs, **vars(cfg)).reshape(b, t - 1, h, w, 2)
    return jnp.pad(flow, ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0)))


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


def probabilities(model: nn.Module, variables: Tree, batch: Batch) -> dict[str, Array]:
    """Of each clip the probability of each class."""
    logits: Any = model.apply(variables, batch["image"], train=False)
    return {"probability": jax.nn.softmax(logits), "label": batch["label"]}


def draw_predictions(
    rows_of: RowEvaluator, state: TrainState, split: Split, folder: Path
) -> list[Path]:
    """`clips.png` and `clips.gif`: the first clip of each class, and what it is taken for."""
    rows = rows_of(state, split)
    found = rows["probability"].argmax(axis=1)
    first = {int(label): i for i, label in reversed(list(enumerate(rows["label"])))}
    chosen = np.array([first[label] for label in sorted(first)][:SHOWN])
    titles = [
        f"{split.classes[rows['label'][i]]}: seen as {split.classes[found[i]]}, "
        f"{rows['probability'][i, found[i]]:.0%}"
        for i in chosen
    ]
    clips = split.batch(chosen)["video"]
    middle = clips if clips.ndim == 5 else clips[:, clips.shape[1] // 2]
    return [
        draw_clips(list(middle), titles).save(folder / "clips.png"),
        save_film(list(middle), titles, folder / "clips.gif"),
    ]


if __name__ == "__main__":
    main(__file__)
