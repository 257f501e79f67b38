"""Many to one: the month of a date written in one of six ways: jaxdl run dates_months."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.captions import check_split_ids
from jaxdl.data.config import DataConfig, LanguageData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.translation import MONTHS
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.language.seq2seq import SequenceClassifier
from jaxdl.layers.sequence.recurrent import CELLS
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, LossOutput, Numbers, Tree

MONTH_AT = len("<1987-")  # of its first digit in a target; <START> is one token


@dataclass(frozen=True)
class ClassifierConfig:
    """The model's widths."""

    cell: str = "gru"
    """rnn, lstm or gru."""
    width: int = 32
    """Of a character's vector."""
    hidden: int = 64
    """Of the state, in each direction."""

    def __post_init__(self) -> None:
        check_one_of("model.cell", self.cell, tuple(CELLS))


@dataclass(frozen=True)
class Config:
    """Dates, a classifier, and how it is trained."""

    data: DataConfig = LanguageData(name="dates", batch_size=64)
    model: ClassifierConfig = ClassifierConfig()
    optim: OptimConfig = Adam(lr=4e-3, schedule="cosine", clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=2)
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        if self.data.name != "dates":
            raise UsageError(f"data.name must be dates (rows name a month), got {self.data.name}")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("source", "target"))
    check_split_ids(splits, "source", "target")
    vocabulary = splits["train"].vocabulary
    model = SequenceClassifier(len(vocabulary), len(MONTHS), **vars(cfg.model))
    zero = vocabulary.index("0")

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"input": batch["source"], "label": month_of(batch["target"], zero)}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = apply_train(model, params, extra, batch["input"], key)
        loss, right = scores(logits, batch["label"])
        return global_mean(loss), (extra, {"loss": weighted(loss), "accuracy": weighted(right)})

    def rows(variables: Tree, batch: Batch) -> dict[str, Array]:
        logits: Any = model.apply(variables, batch["input"], train=False)
        loss, right = scores(logits, batch["label"])
        return {"loss": loss, "right": right}

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=partial(evaluate, RowEvaluator(rows, prepare)),
        inputs="input",
    )


def month_of(target: Array, zero: int) -> Array:
    """0 to 11 `(B,)`, from the ids of dates such as 1987-03-09 `(B, L)`; "0" has the id `zero`."""
    return 10 * (target[:, MONTH_AT] - zero) + target[:, MONTH_AT + 1] - zero - 1


def scores(logits: Array, label: Array) -> tuple[Array, Array]:
    """Cross-entropy, and 1 where the likeliest class is right: `(B,)` each."""
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, label)
    return loss, (jnp.argmax(logits, 1) == label).astype(jnp.float32)


def evaluate(
    rows: RowEvaluator, state: TrainState, split: Split, folder: Path | None = None
) -> Numbers:
    """Accuracy and loss."""
    values = rows(state, split)
    return {"accuracy": float(np.mean(values["right"])), "loss": float(np.mean(values["loss"]))}


if __name__ == "__main__":
    main(__file__)
