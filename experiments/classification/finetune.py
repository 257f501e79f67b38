"""A trained network on other classes, its head first: jaxdl run hymenoptera_transfer.

Two trainings: the head alone, all else frozen; then everything (but what `freeze` keeps) at a
tenth of the rate. Without a source everything is trained from scratch for as long.
"""

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.config import RunData
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.experiment import load_run
from jaxdl.models.weights.published import load_weights
from jaxdl.optim.param_patterns import match_paths
from jaxdl.runs.results import Report
from jaxdl.training.freeze import freeze_task
from jaxdl.training.loop import FitResult, fit
from jaxdl.training.report import report_fit
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.training.warm_start import started_from, with_variables
from jaxdl.typing import Host, Numbers, Tree

__all__ = ["Config", "build", "predict", "run"]


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier, where its weights come from, and what of it is trained when."""

    source: str = ""
    """A run folder, or a weight file of `jaxdl weights import` (default: none, from scratch)."""
    source_part: str = ""
    """The module of the source that is taken over: backbone, say (default: all of it)."""
    head: tuple[str, ...] = ("fc2/*",)
    """Patterns of the parameters that are not taken over: they start anew and are trained first."""
    freeze: tuple[str, ...] = ()
    """Patterns of the parameters that the second training leaves as they are, too."""
    head_epochs: int = 10
    """Of the first training (0: none)."""
    train_scratch: bool = False
    """Also train from scratch for as long, at the full rate, and report that beside it."""
    finetune_lr_factor: float = 0.1
    """What the second training multiplies optim.lr by."""

    def __post_init__(self) -> None:
        if self.head_epochs < 0 or self.finetune_lr_factor <= 0:
            raise UsageError("head_epochs must be >= 0 and finetune_lr_factor > 0")


def build(cfg: Config) -> Task:
    """The task of the second training, from the source's weights and a fresh head."""
    cfg = second(cfg)
    task = from_source(classifier_task(cfg), cfg)
    return freeze_task(task, cfg.optim, cfg.loop, cfg.freeze)


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Both trainings; the report is of the second, with the head's numbers beside it."""
    task, loop, first = build(cfg), second(cfg).loop, None
    if cfg.source and cfg.head_epochs:
        first = train_head(cfg, run_dir / "head", resume)
        task = dataclasses.replace(task, init=started_from(task, first.state.variables))
    done = fit(task, loop, run_dir, seed=cfg.seed, resume=resume)
    others = {"head_only": first} if first is not None else {}
    if cfg.source and cfg.train_scratch:
        others["scratch"] = train_from_scratch(cfg, run_dir / "scratch", resume)
    beside = {
        f"accuracy_{name}": task.measure(other.state, task.splits["test"])["accuracy"]
        for name, other in others.items()
    }
    for other in others.values():
        done.seconds = {name: done.seconds[name] + other.seconds[name] for name in done.seconds}

    def with_others(state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        return {**task.measure(state, split, folder), **beside}

    return report_fit(run_dir, cfg, dataclasses.replace(task, evaluate=with_others), done)


def train_head(cfg: Config, run_dir: Path, resume: bool) -> FitResult:
    """The first training: the head alone, at the full rate."""
    loop = replace(cfg.loop, epochs=cfg.head_epochs, steps=None)
    if cfg.loop.steps is not None:  # a run that is counted in steps counts the head's, too
        loop = cfg.loop
    cfg = replace(cfg, loop=loop)
    task = from_source(classifier_task(cfg), cfg)
    frozen = ("*", *(f"!{pattern}" for pattern in cfg.head))
    return fit(
        freeze_task(task, cfg.optim, loop, frozen), loop, run_dir, seed=cfg.seed, resume=resume
    )


def train_from_scratch(cfg: Config, run_dir: Path, resume: bool) -> FitResult:
    """The same network without a source, for as many epochs as both trainings have."""
    cfg = replace(cfg, source="")
    return fit(build(cfg), second(cfg).loop, run_dir, seed=cfg.seed, resume=resume)


def second(cfg: Config) -> Config:
    """The config of the second training: a smaller rate after a source, else the whole length."""
    if cfg.source:
        return replace(cfg, optim=replace(cfg.optim, lr=cfg.optim.lr * cfg.finetune_lr_factor))
    if cfg.loop.epochs is None:
        return cfg
    return replace(cfg, loop=replace(cfg.loop, epochs=cfg.loop.epochs + cfg.head_epochs))


def from_source(task: Task, cfg: Config) -> Task:
    """`task` whose first state has the source's variables, but for the head's."""
    if not cfg.source or isinstance(cfg.data, RunData):  # a trained run brings its own weights
        return task
    given = part_of(read_source(Path(cfg.source)), cfg)
    like = jax.eval_shape(task.init, jax.random.key(0))
    taken = choose_weights({"params": like.params, **like.extra}, given, cfg)

    def init(key: Any) -> TrainState:
        return with_variables(task.init(key), taken)

    return dataclasses.replace(task, init=init)


def read_source(path: Path) -> dict[str, Host]:
    """Path -> array of all variables: `params/conv1/kernel`, `batch_stats/...`."""
    if path.is_dir():
        variables = load_run(path)[1]
    elif path.suffix == ".safetensors":
        variables = load_weights(path).variables
    else:
        raise UsageError(
            f"source {path}: there is no such run folder or .safetensors file; train one with "
            f"`jaxdl run CONFIG --run-dir {path}`, or import one with `jaxdl weights import`"
        )
    flat: Any = flax.traverse_util.flatten_dict(variables, sep="/")
    return {name: np.asarray(value) for name, value in flat.items()}


def part_of(given: dict[str, Host], cfg: Config) -> dict[str, Host]:
    """The variables of the module `cfg.source_part`, by their paths in it."""
    if not cfg.source_part:
        return given
    taken = {}
    for name, value in given.items():
        kind, _, path = name.partition("/")
        if path.startswith(f"{cfg.source_part}/"):
            taken[f"{kind}/{path.removeprefix(cfg.source_part + '/')}"] = value
    if not taken:
        parts = sorted({name.split("/")[1] for name in given if name.startswith("params/")})
        raise UsageError(
            f"source_part: {cfg.source} has no {cfg.source_part!r}, but {', '.join(parts)}"
        )
    return taken


def choose_weights(like: Tree, given: dict[str, Host], cfg: Config) -> dict[str, Host]:
    """What of `given` the model takes. Raises UsageError, naming all, where it is not there."""
    anew: Any = flax.traverse_util.flatten_dict(
        match_paths("head", like["params"], cfg.head), sep="/"
    )
    flat: Any = flax.traverse_util.flatten_dict(like, sep="/")
    taken, wrong = {}, []
    for name, leaf in flat.items():
        if anew.get(name.removeprefix("params/"), False) and name.startswith("params/"):
            continue
        have = given.get(name)
        if have is None or have.shape != leaf.shape:
            shape = "nothing" if have is None else have.shape
            wrong.append(f"{name}: {leaf.shape} in the model, {shape} in the source")
            continue
        taken[name] = have.astype(leaf.dtype)
    if wrong:
        lines = "\n  ".join(wrong[:10])
        raise UsageError(
            f"source {cfg.source} does not fit (name its head with `head`):\n  {lines}"
        )
    return taken


if __name__ == "__main__":
    main(__file__)
