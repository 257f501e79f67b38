"""A causal Transformer over windows of a text's characters: jaxdl run shakespeare_transformer."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, TextData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.language.decoding import generate
from jaxdl.language.text_sample import SampleConfig, as_text, bits, prompt_ids
from jaxdl.language.transformer import TransformerLM
from jaxdl.losses.sequence import sequence_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.restore import RestoredRun
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, LossOutput, Numbers, Tree


@dataclass(frozen=True)
class WindowModelConfig:
    """The model's sizes."""

    width: int = 128
    """Of a character's vector, through all layers."""
    heads: int = 4
    """Of attention; they divide the width."""
    depth: int = 2
    """Layers."""
    hidden: int = 512
    """Width inside a layer's perceptron."""
    dropout: float = 0.0
    """Of every sublayer's output."""
    norm_first: bool = True
    """Normalize before a sublayer, not after it."""
    positions: str = "rotary"
    """sincos, learned, rotary or none."""

    def __post_init__(self) -> None:
        check_one_of("model.positions", self.positions, ("sincos", "learned", "rotary", "none"))
        if self.width % self.heads:
            raise UsageError(
                f"model.heads must divide model.width, got {self.heads} and {self.width}"
            )


@dataclass(frozen=True)
class Config:
    """A text, a model, and how it is trained."""

    data: DataConfig = TextData()
    model: WindowModelConfig = WindowModelConfig()
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine", warmup=50, clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=1)
    sample: SampleConfig = SampleConfig(length=256)
    seed: int = 0
    """Of the initial weights, dropout and the sample."""


def build(cfg: Config) -> Task:
    """The task of `cfg`: every window begins with nothing before it, in training and evaluation."""
    splits = load_splits(cfg.data)
    train = splits["train"]
    length = len(train.example["tokens"]) - 1
    model = TransformerLM(len(train.vocabulary), length, **vars(cfg.model))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"input": batch["tokens"][:, :-1], "target": batch["tokens"][:, 1:]}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        logits, extra = apply_train(model, params, extra, batch["input"], key)
        loss = sequence_cross_entropy(logits, batch["target"], ignore=None) / logits.shape[1]
        return global_mean(loss), (extra, {"loss": weighted(loss), "bits": weighted(bits(loss))})

    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=WindowEvaluator(model, cfg),
        inputs="input",
    )


class WindowEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: bits per character; in `folder` it writes a sample."""

    def __init__(self, model: TransformerLM, cfg: Config):
        self.model, self.cfg = model, cfg
        self.losses = jax.jit(self._losses)
        self.write = jax.jit(self._write)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Nats of every window and the characters that each predicts."""
        tokens = split.read("tokens")
        nats = np.asarray(self.losses(state.variables, tokens))
        return {"nats": nats, "count": tokens.shape[1] - 1}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean over characters."""
        nats = float(rows["nats"].mean(dtype=np.float64)) / rows["count"]
        return {"bits": bits(nats), "loss": nats}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`sample.txt`."""
        text = self.sample(state.variables, split.vocabulary)
        (folder / "sample.txt").write_text(text, encoding="utf-8")
        return [folder / "sample.txt"]

    def sample(self, variables: Tree, vocabulary: tuple[str, ...]) -> str:
        """The prompt and what the model writes after it, half a window at a time.

        Each half goes on from the half before it: no place is further than those trained on.
        """
        half = self.model.length // 2
        text = prompt_ids(self.cfg.sample.prompt, vocabulary)
        end = len(text) + self.cfg.sample.length
        key = jax.random.key(self.cfg.seed)
        while len(text) < end:
            seen = jnp.array([text[-half:]])
            text += self.write(variables, seen, jax.random.fold_in(key, len(text)))[0].tolist()
        return as_text(text[:end], vocabulary)

    def _losses(self, variables: Tree, tokens: Array) -> Array:
        """Summed nats of every window `(N, L + 1)`."""

        def one(window: Array) -> Array:
            logits: Any = self.model.apply(variables, window[None, :-1], train=False)
            return sequence_cross_entropy(logits, window[None, 1:], ignore=None)[0]

        return jax.lax.map(one, tokens, batch_size=self.cfg.data.batch_size)

    def _write(self, variables: Tree, seen: Array, key: Key) -> Array:
        step: Any = partial(self.model.apply, variables, method="step")
        memory: Any = self.model.apply(variables, 1, method="start")
        memory = jax.lax.scan(lambda m, ids: step(ids, m)[::-1], memory, seen[:, :-1].T)[0]
        length = self.model.length - self.model.length // 2
        options = self.cfg.sample.options
        return generate(step, memory, seen[:, -1], length=length, end=None, key=key, **options)[0]


def show(run: RestoredRun, out: Path) -> str:
    """A text that the run writes."""
    vocabulary = run.task.splits["train"].vocabulary
    model: Any = run.task.model
    text = WindowEvaluator(model, run.cfg).sample(run.state.variables, vocabulary)
    out.write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    main(__file__)
