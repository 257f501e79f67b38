"""Who goes where, with boxes in every frame, joined to tracks: jaxdl run scenes_actors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_fraction, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, MovingData
from jaxdl.data.images.draw_objects import draw_objects
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.voc_ap import ImageDetections, ImageGroundTruth, average_precisions, mean_of
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree
from jaxdl.video.localization.actor_net import ActorNet, actor_losses, find_peaks
from jaxdl.video.localization.tracker import label_tracks, link_boxes

FIELDS = ("video", "boxes", "labels", "kept")


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    features: tuple[int, ...] = (12, 24, 24, 24)
    """Of each convolution; the first two halve height and width."""


@dataclass(frozen=True)
class Config:
    """Scenes, a network, and how it is trained."""

    data: DataConfig = MovingData("scenes", batch_size=32, synthetic_rows=1500)
    model: NetConfig = NetConfig()
    count: int = 4
    """Centers that are looked at in a frame."""
    least_score: float = 0.2
    """Those of less are dropped."""
    least_iou: float = 0.2
    """A box of the next frame that overlaps less is of another track."""
    optim: OptimConfig = Adam(lr=3e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        check_positive("count", self.count)
        check_fraction("least_score", self.least_score)
        check_fraction("least_iou", self.least_iou)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=FIELDS)
    model = ActorNet(len(splits["train"].classes), **vars(cfg.model))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {**batch, "image": normalize(to_float(batch["video"]), (0.3,), (0.2,))}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        found, extra = apply_train(model, params, extra, batch["image"], key)
        parts = actor_losses(found, batch["boxes"], batch["labels"], batch["kept"])
        loss = sum(parts.values(), jnp.zeros(()))
        metrics = {k: weighted(v) for k, v in {"loss": loss, **parts}.items()}
        return global_mean(loss), (extra, metrics)

    evaluate = ActorEvaluator(cfg, model, prepare)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )


class ActorEvaluator(Evaluator):
    """VOC's average precision over all frames, boxes named by frame and by track."""

    def __init__(self, cfg: Config, model: ActorNet, prepare: Any):
        self.cfg, self.model = cfg, model
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=64)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        found: Any = self.model.apply(variables, batch["image"], train=False)
        peaks = find_peaks(found, count=self.cfg.count)
        truth = {f"true_{name}": batch[name] for name in FIELDS[1:]}
        return {**peaks._asdict(), **truth}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """What is found and what is there, of every frame."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Mean average precision at IoU .5: of actions, and of boxes whatever they do."""
        by_track, by_frame, truth, tracks = [], [], [], 0
        for i in range(len(rows["scores"])):
            clip = follow(self.cfg, rows, i)
            by_track += clip.named(clip.by_track)
            by_frame += clip.named(clip.by_frame)
            truth += true_frames(rows, i)
            tracks += clip.tracks
        count = len(split.classes)
        anything = [f._replace(labels=np.zeros_like(f.labels)) for f in by_frame]
        one = [t._replace(labels=np.zeros_like(t.labels)) for t in truth]
        return {
            "ap50": mean_of(average_precisions(by_track, truth, count)),
            "ap50_by_frame": mean_of(average_precisions(by_frame, truth, count)),
            "ap50_of_boxes": mean_of(average_precisions(anything, one, 1)),
            "tracks_per_clip": tracks / len(rows["scores"]),
            "actors_per_clip": float(rows["true_kept"].sum(axis=1).mean()),
        }

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`clips.png`: four clips, every other frame, with what their tracks are said to do."""
        some = split.take(np.arange(min(4, split.size)), name="drawn")
        rows, videos = self.rows(state, some), some.read("video")
        images, found = [], []
        for i, video in enumerate(videos):
            clip = follow(self.cfg, rows, i)
            named = clip.named(clip.by_track)
            images += list(video[::2])
            found += named[::2]
        figure = draw_grid(images, columns=len(videos[0][::2]), cell=1.6)
        for axis, seen in zip(figure.axes, found, strict=False):
            row = {**seen._asdict(), "kept": np.ones(len(seen.labels), bool)}
            draw_objects(axis, row, split.classes)
        return [figure.save(folder / "clips.png")]


@dataclass(frozen=True)
class Followed:
    """The boxes of one clip's frames, their scores, and what they do by frame and by track."""

    boxes: list[Host]
    scores: list[Host]
    by_frame: list[Host]
    by_track: list[Host]
    tracks: int

    def named(self, shares: list[Host]) -> list[ImageDetections]:
        """Each frame as a picture: every box as its likeliest action."""
        return [
            ImageDetections(
                b, s * p.max(axis=1, initial=0), p.argmax(axis=1) if len(p) else p[:, 0]
            )
            for b, s, p in zip(self.boxes, self.scores, shares, strict=True)
        ]


def follow(cfg: Config, rows: dict[str, Host], i: int) -> Followed:
    """Clip `i`: what is sure enough, joined over time."""
    good = [scores >= cfg.least_score for scores in rows["scores"][i]]
    boxes, scores, logits = (
        [v[g] for v, g in zip(rows[name][i], good, strict=True)]
        for name in ("boxes", "scores", "actions")
    )
    tracks = link_boxes(boxes, least_iou=cfg.least_iou)
    alone = [link_boxes([frame]) for frame in boxes]
    by_frame = [label_tracks(own, [z])[0] for own, z in zip(alone, logits, strict=True)]
    return Followed(boxes, scores, by_frame, label_tracks(tracks, logits), len(tracks))


def true_frames(rows: dict[str, Host], i: int) -> list[ImageGroundTruth]:
    """The frames of clip `i` as pictures with what is there."""
    kept = rows["true_kept"][i]
    labels, easy = rows["true_labels"][i][kept], np.zeros(int(kept.sum()), bool)
    return [ImageGroundTruth(boxes[kept], labels, easy) for boxes in rows["true_boxes"][i]]


if __name__ == "__main__":
    main(__file__)
