"""Does a film run forwards or backwards? jaxdl run clips_arrow_of_time."""

from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError, check_positive
from jaxdl.classification.task import classification_loss
from jaxdl.cli import main
from jaxdl.data.clips.film import open_film
from jaxdl.data.config import ClipsData, DataConfig
from jaxdl.data.files.own_path import own_path
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.metrics.classification import wilson_interval
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, Numbers
from jaxdl.video.clips.time_split import split_in_time
from jaxdl.video.models.by_name import VideoModelConfig, build_video_model, video_model_options

CLASSES = ("forwards", "backwards")


@dataclass(frozen=True)
class Config:
    """Films, how they are cut, a network, and how it is trained."""

    data: DataConfig = ClipsData(path="video_clips", clip_frames=8, image_size=(32, 48))
    films: tuple[str, ...] = ("tree.zip", "bunny.zip")
    """Folders of frames, their archives, or videos, below `data.path`."""
    stride: int = 1
    """Of so many frames one is taken."""
    share: float = 0.5
    """Of each film, from its start, to learn from; after a gap of one clip comes the test."""
    model: VideoModelConfig = video_model_options("slow_fusion")()
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=20)
    seed: int = 0
    """Of the initial weights and the mirroring."""

    def __post_init__(self) -> None:
        check_positive("stride", self.stride)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits, apart = film_splits(cfg)
    model = build_video_model(cfg.model, len(CLASSES))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        video = to_float(batch["video"])
        if train:
            video = jax.vmap(mirrored)(keys, video)
        return {**batch, "image": normalize(video, (0.5,), (0.25,))}

    measure = make_classifier_evaluator(model, prepare)

    def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        numbers = measure(state, split, folder)
        if split.name != splits["test"].name:
            return numbers
        own = measure(state, apart)["accuracy"]
        low, high = wilson_interval(own * apart.size / 2, apart.size // 2)
        return {
            **numbers,
            "accuracy_apart": own,
            "accuracy_apart_low": low,
            "accuracy_apart_high": high,
            "clips_apart": apart.size / 2,
        }

    return supervised(
        model,
        splits,
        prepare,
        classification_loss(model, label_smoothing=0.0, aux_weight=0.0),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
    )


def mirrored(key: Key, video: Array) -> Array:
    """Left and right changed, or not: `(T, H, W, C)`."""
    return jnp.where(jax.random.bernoulli(key), video[:, :, ::-1], video)


def film_splits(cfg: Config) -> tuple[dict[str, Split], Split]:
    """Every clip of every film forwards and backwards, and those of the test that are apart.

    What is told backwards was filmed forwards: both are the same clip, and count as one in the
    interval of the accuracy.
    """
    data = cfg.data
    assert isinstance(data, ClipsData), "Config.data is of clips"
    parts: dict[str, list[Host]] = {"train": [], "test": [], "apart": []}
    for name in cfg.films:
        film = open_film(own_path(replace(data, path=str(Path(data.path) / name))))
        places = range(0, len(film), cfg.stride)
        frames = film.frames(list(places))
        small = np.stack([resize_and_center_crop(f, data.size(32)) for f in frames])
        try:
            cut = split_in_time(len(small), data.clip_frames, share=cfg.share)
        except ValueError as error:
            raise DataError(f"{film.path}: {error}") from None
        for part, rows in cut.items():
            parts[part].append(small[rows])
    sources = {part: ArraySource(both_ways(np.concatenate(c))) for part, c in parts.items()}
    opened = Dataset(sources, CLASSES)
    assigned = assign_splits(opened, data)
    apart = assign_splits(opened, replace(data, test="apart"))["test"]
    splits = {role: place_split(opened, rows, data) for role, rows in assigned.items()}
    return splits, place_split(opened, apart, data)


def both_ways(clips: Host) -> dict[str, Host]:
    """`(n, T, H, W, 3)` -> 2 n rows, each clip and its reverse."""
    labels = np.repeat(np.arange(2, dtype=np.int32), len(clips))
    return {"video": np.concatenate([clips, clips[:, ::-1]]), "label": labels}


if __name__ == "__main__":
    main(__file__)
