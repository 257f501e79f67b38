"""A recurrent model of a text, its state carried on: jaxdl run shakespeare_lstm."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, TextData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.contiguous import contiguous
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.language.char_lm import CharacterModel
from jaxdl.language.decoding import generate
from jaxdl.language.tbptt import with_carried
from jaxdl.language.text_sample import SampleConfig, as_text, bits, prompt_ids
from jaxdl.losses.sequence import sequence_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.restore import RestoredRun
from jaxdl.training.state import TrainState
from jaxdl.training.step import global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree


@dataclass(frozen=True)
class CharacterModelConfig:
    """The model's widths."""

    cell: str = "lstm"
    """rnn, lstm or gru."""
    hidden: int = 256
    """Width of every layer."""
    layers: int = 1
    """How many."""
    embedding_dim: int = 0
    """Width of a character's vector (0: one-hot)."""
    dropout: float = 0.0
    """Between layers and before the last."""


@dataclass(frozen=True)
class Config:
    """A text, a model, and how it is trained."""

    data: DataConfig = TextData()
    model: CharacterModelConfig = CharacterModelConfig()
    optim: OptimConfig = Adam(lr=2e-3, clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=10)
    sample: SampleConfig = SampleConfig()
    streams: int = 16
    """Evaluation reads the text in so many parts at once, each from an empty state."""
    seed: int = 0
    """Of the initial weights, dropout and the sample."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data)
    splits = {**splits, "train": contiguous(splits["train"])}
    model = CharacterModel(len(splits["train"].vocabulary), **vars(cfg.model))

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"input": batch["tokens"][:, :-1], "target": batch["tokens"][:, 1:]}

    def loss_fn(params: Tree, carried: Tree, batch: Batch, key: Key) -> LossOutput:
        rngs = {"dropout": key}
        out: Any = model.apply({"params": params}, batch["input"], carried, train=True, rngs=rngs)
        logits, carried = out
        loss = sequence_cross_entropy(logits, batch["target"], ignore=None) / logits.shape[1]
        return global_mean(loss), (carried, {"loss": weighted(loss), "bits": weighted(bits(loss))})

    task = supervised(
        model,
        splits,
        prepare,
        lambda params, extra, batch, key: loss_fn(params, None, batch, key),
        cfg.optim,
        loop=cfg.loop,
        evaluate=CharacterEvaluator(model, cfg),
        inputs="input",
    )
    start = model.zero_state(cfg.data.batch_size)
    return with_carried(task, loss_fn, start, ema=cfg.optim.ema)


class CharacterEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: bits per character; in `folder` it writes a sample."""

    def __init__(self, model: CharacterModel, cfg: Config):
        self.model, self.cfg = model, cfg
        self.total = jax.jit(self._total)
        self.write = jax.jit(self._write)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The sum over all characters, and their number."""
        ids, mask = as_streams(split.read("tokens"), self.cfg.streams)
        return {"nats": float(self.total(state.variables, ids, mask)), "count": mask.sum()}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean over characters."""
        nats = rows["nats"] / rows["count"]
        return {"bits": bits(nats), "loss": nats}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`sample.txt`."""
        text = self.sample(state.variables, split.vocabulary)
        (folder / "sample.txt").write_text(text, encoding="utf-8")
        return [folder / "sample.txt"]

    def _total(self, variables: Tree, ids: Host, mask: Host) -> Array:
        """Summed loss of windows `(W, S, L + 1)`, window after window."""

        def one(carried: Any, item: Any) -> Any:
            window, kept = item
            logits, carried = self.model.apply(variables, window[:, :-1], carried, train=False)
            loss = sequence_cross_entropy(logits, window[:, 1:], ignore=None)
            return carried, jnp.sum(jnp.where(kept[:, 0], loss, 0))

        start = self.model.zero_state(ids.shape[1])
        return jnp.sum(jax.lax.scan(one, start, (ids, mask))[1])

    def sample(self, variables: Tree, vocabulary: tuple[str, ...]) -> str:
        """The prompt and what the model writes after it."""
        prompt = prompt_ids(self.cfg.sample.prompt, vocabulary)
        key = jax.random.key(self.cfg.seed)
        ids = np.asarray(self.write(variables, jnp.array([prompt]), key))[0]
        return as_text([*prompt, *ids], vocabulary)

    def _write(self, variables: Tree, prompt: Array, key: Key) -> Array:
        state = self.model.zero_state(1)
        if prompt.shape[1] > 1:
            _, state = self.model.apply(variables, prompt[:, :-1], state, train=False)
        step = partial(self.model.apply, variables, method="step")
        how = self.cfg.sample
        return generate(
            step, state, prompt[:, -1], length=how.length, end=None, key=key, **how.options
        )[0]


def as_streams(windows: Host, streams: int) -> tuple[Host, Host]:
    """Windows `(N, L + 1)` as `(W, S, L + 1)`, stream by stream, and which are no padding.

    The mask is `(W, S, L)`.
    """
    streams = min(streams, len(windows))
    steps = -(-len(windows) // streams)
    numbers = np.arange(streams * steps).reshape(streams, steps).T
    mask = numbers < len(windows)
    ids = windows[np.where(mask, numbers, 0)]
    return ids, np.broadcast_to(mask[..., None], (*mask.shape, windows.shape[1] - 1))


def show(run: RestoredRun, out: Path) -> str:
    """A text that the run writes."""
    vocabulary = run.task.splits["train"].vocabulary
    model: Any = run.task.model
    text = CharacterEvaluator(model, run.cfg).sample(run.state.variables, vocabulary)
    out.write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    main(__file__)
