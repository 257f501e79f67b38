"""A recurrent net that learns "hello" -> "ohlol", letter by letter: jaxdl run hello_rnn."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, LanguageData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.language.char_lm import CharacterModel
from jaxdl.losses.sequence import sequence_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.sequence import exact_accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.restore import RestoredRun
from jaxdl.training.state import TrainState
from jaxdl.training.step import global_mean
from jaxdl.training.task import Task, as_it_is, supervised
from jaxdl.typing import Batch, Key, LossOutput, Numbers, Tree


@dataclass(frozen=True)
class Config:
    """The net and how it is trained."""

    data: DataConfig = LanguageData(name="hello", synthetic_rows=1, batch_size=1)
    cell: str = "rnn"
    """rnn, lstm or gru."""
    hidden: int = 4
    """Width of the state."""
    layers: int = 1
    """How many."""
    embedding_dim: int = 0
    """Width of a letter's vector (0: one-hot)."""
    optim: OptimConfig = Adam(lr=0.05)
    loop: LoopConfig = LoopConfig(steps=100)
    seed: int = 0
    """Of the initial weights."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    size = len(splits["train"].vocabulary)
    model = CharacterModel(size, cfg.hidden, cfg.cell, cfg.layers, cfg.embedding_dim)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out: Any = model.apply({"params": params}, batch["source"], train=True)
        loss = sequence_cross_entropy(out[0], batch["target"], ignore=None)
        exact = exact_accuracy(out[0], batch["target"], ignore=-1)
        return global_mean(loss), (extra, {"loss": weighted(loss), "exact": exact})

    return supervised(
        model,
        splits,
        as_it_is,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=partial(evaluate, model),
        inputs="source",
    )


def evaluate(
    model: CharacterModel, state: TrainState, split: Split, folder: Path | None = None
) -> Numbers:
    """Whether the word is written right."""
    return {"exact": float(np.all(write(model, state, split) == split.example["target"]))}


def write(model: CharacterModel, state: TrainState, split: Split) -> Any:
    """The ids that the model gives for the row `(5,)`."""
    out: Any = model.apply(state.variables, jnp.asarray(split.example["source"])[None], train=False)
    return np.asarray(jax.device_get(out[0]))[0].argmax(axis=-1)


def show(run: RestoredRun, out: Path) -> str:
    """What the run makes of the word."""
    split = run.task.splits["train"]
    model: Any = run.task.model
    words = [split.example["source"], write(model, run.state, split)]
    source, written = ("".join(split.vocabulary[i] for i in ids) for ids in words)
    return f"{source} -> {written}"


if __name__ == "__main__":
    main(__file__)
