"""A published net on your own photographs: jaxdl run own_photos --data.path FOLDER.

Two trainings: a linear layer on the net's features, which are computed once for each picture;
then the net itself, from that layer on. Where no weights are at hand it is trained from scratch.
"""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import flax.traverse_util
import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.classification.linear_head import (
    Features,
    Standardizer,
    head_path,
    head_task,
    place_head,
    pooled_features,
)
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.load import load_splits
from jaxdl.data.splits.folds import fold_of_rows
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_weights
from jaxdl.models.weights.start import folded_norms
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import say
from jaxdl.training.freeze import freeze_task
from jaxdl.training.loop import FitResult, fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.report import report_fit
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.training.warm_start import started_from
from jaxdl.typing import Numbers

__all__ = ["Config", "build", "predict", "resolve", "run"]


@dataclass(frozen=True)
class HeadConfig:
    """The first training: a linear layer on standardized features."""

    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine", weight_decay=1e-2)
    epochs: int = 50
    """Passes over the features."""


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A net with weights (`model.weights`), pictures, and what of it is trained."""

    head: HeadConfig = HeadConfig()
    finetune: bool = True
    """Also train the net itself, as `optim` and `loop` say; else its last layer alone."""
    freeze: tuple[str, ...] = ()
    """Patterns of the parameters that stay as they are; norms that the file has folded do, too."""
    seeds: int = 1
    """Trainings, each with a seed of its own; the report has their mean and deviation."""
    folds: int = 0
    """Measure on so many folds of the training rows, and leave the test split unread (0: no)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seeds < 1 or self.folds < 0 or self.folds == 1 or self.head.epochs < 1:
            raise UsageError("seeds and head.epochs must be >= 1, folds 0 or >= 2")
        if self.folds and self.seeds > 1:
            raise UsageError("folds and seeds exclude each other; give one")


class Part(NamedTuple):
    """One training: its name, its config, its rows, and with weights the features of these."""

    name: str
    cfg: Config
    splits: dict[str, Split]
    features: dict[str, Features]


def resolve(cfg: Config) -> Config:
    """`cfg` with what its weights decide; without weights where none are at hand."""
    model, images = resolve_weights(cfg.model, optional=True)
    image = replace(cfg.image, mean=images.mean, std=images.std) if images else cfg.image
    return replace(cfg, model=model, image=image)


def build(cfg: Config) -> Task:
    """The task of the second training."""
    cfg = resolve(cfg)
    return finetune_task(cfg, load_splits(cfg.data))


def finetune_task(cfg: Config, splits: dict[str, Split]) -> Task:
    """The net on `splits`, with what `cfg` freezes of it."""
    task = classifier_task(cfg, splits)
    if not cfg.model.weights:
        return task
    frozen = (*cfg.freeze, *folded_norms(task.model)) if cfg.finetune else ("*",)
    return freeze_task(task, cfg.optim, loop_of(cfg), frozen)


def loop_of(cfg: Config) -> LoopConfig:
    """The second training's; one step that changes nothing where the head alone is trained."""
    return cfg.loop if cfg.finetune else replace(cfg.loop, steps=1, epochs=None)


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Both trainings, for every seed or fold; what the head alone reaches stands beside."""
    began = time.perf_counter()
    parts = list(make_parts(cfg, load_splits(cfg.data)))
    seconds = time.perf_counter() - began
    results = []
    for i, part in enumerate(parts):
        folder = run_dir if i == 0 else run_dir / part.name  # the first is the run's own model
        trained = train if cfg.model.weights else train_from_scratch
        results.append(trained(part, folder, resume))
        say(f"{part.name}: " + ", ".join(f"{k} {v:.4f}" for k, v in results[-1][2].items()))
    task, done, _ = results[0]
    done.seconds |= {"features": seconds} if cfg.model.weights else {}
    done.seconds["total"] += seconds + sum(other.seconds["total"] for _, other, _ in results[1:])
    numbers = summarize([numbers for *_, numbers in results])

    def evaluate(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        task.measure(state, split, folder)  # its pictures
        return numbers

    return report_fit(run_dir, cfg, dataclasses.replace(task, evaluate=evaluate), done)


def make_parts(cfg: Config, splits: dict[str, Split]) -> Iterator[Part]:
    """The trainings that `cfg` asks for, with features that are computed once for all."""
    roles = [role for role in splits if not (cfg.folds and role == "test")]
    pretrained = bool(cfg.model.weights)
    features = {role: features_of(cfg, splits[role], role) for role in roles if pretrained}
    for seed in range(cfg.seed, cfg.seed + cfg.seeds if not cfg.folds else cfg.seed):
        yield Part(f"seed {seed}", replace(cfg, seed=seed), splits, features)
    train = splits["train"]
    fold = fold_of_rows(train.read("label"), cfg.folds, cfg.seed) if cfg.folds else np.array([])
    for k in range(cfg.folds):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        name = f"fold {k + 1} of {cfg.folds}"
        rows = {"train": train.take(rest, name="train"), "test": train.take(held, name=name)}
        taken = {"train": rest, "test": held} if pretrained else {}
        yield Part(name, cfg, rows, {k: features["train"].take(v) for k, v in taken.items()})


def features_of(cfg: Config, split: Split, role: str) -> Features:
    """Those of the net without its last layer; of training pictures also mirrored, if asked."""
    model = build_model(cfg.model, num_classes=0)
    variables = flax.traverse_util.unflatten_dict(model.pretrained.arrays)
    mirrored = role == "train" and cfg.image.flip
    say(f"features of {split.size} pictures ({role})")
    return pooled_features(model, variables, cfg.image, split, mirrored=mirrored)


def train(part: Part, folder: Path, resume: bool) -> tuple[Task, FitResult, Numbers]:
    """Both trainings of one part: the task of the second, how it went, the test numbers."""
    cfg, standard = part.cfg, Standardizer.of(part.features["train"])
    rows = {role: standard.split(part.splits[role], part.features[role]) for role in part.splits}
    loop = replace(cfg.loop, epochs=cfg.head.epochs, steps=None, best="", patience=0)
    if cfg.loop.steps is not None:  # a run that is counted in steps counts the head's, too
        loop = replace(loop, epochs=None, steps=cfg.loop.steps)
    first_task = head_task(rows, cfg.head.optim, loop)
    first = fit(first_task, loop, folder / "head", seed=cfg.seed, resume=resume)
    layer = standard.fold_in(first.state.params["head"])
    task = finetune_task(cfg, part.splits)
    start = started_from(task, start_with(task, part, layer))
    task = dataclasses.replace(task, init=start)
    done = fit(task, loop_of(cfg), folder, seed=cfg.seed, resume=resume)
    done.seconds["total"] += first.seconds["total"]
    head_only = first_task.measure(first.state, rows["test"])["accuracy"]
    numbers = task.measure(done.state, part.splits["test"])
    return task, done, {**numbers, "accuracy_head_only": head_only}


def train_from_scratch(part: Part, folder: Path, resume: bool) -> tuple[Task, FitResult, Numbers]:
    """The net of one part from random values on: its task, how it went, the test numbers."""
    task = finetune_task(part.cfg, part.splits)
    done = fit(task, part.cfg.loop, folder, seed=part.cfg.seed, resume=resume)
    return task, done, task.measure(done.state, part.splits["test"])


def start_with(task: Task, part: Part, layer: Any) -> Any:
    """The net's own weights with `layer` in place of its last layer."""
    model: Any = task.model
    like = jax.eval_shape(task.init, jax.random.key(0))
    bare = flax.traverse_util.unflatten_dict(build_model(part.cfg.model, 0).pretrained.arrays)
    path = head_path(like.params, bare["params"])
    full = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), {"params": like.params, **like.extra})
    flat: Any = flax.traverse_util.flatten_dict(full)
    flat |= flax.traverse_util.flatten_dict(bare)
    split = part.splits["train"]
    numbers = np.arange(min(8, split.size))
    keys = jax.random.split(jax.random.key(0), len(numbers))
    images = task.prepare(keys, split.batch(numbers), train=False)["image"]
    example = np.asarray(images), part.features["train"].plain[numbers]
    return place_head(model, flax.traverse_util.unflatten_dict(flat), path, layer, example)


def summarize(rows: list[Numbers]) -> Numbers:
    """The mean of each number and, of several trainings, how far they spread (over n - 1)."""
    numbers: Numbers = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], np.float64)
        numbers[name] = float(values.mean())
        if len(rows) > 1:
            numbers[f"{name}_std"] = float(values.std(ddof=1))
    return numbers


if __name__ == "__main__":
    main(__file__)
