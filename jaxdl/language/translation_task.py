"""Which translator, its loss, and how what it writes is measured and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, unknown
from jaxdl.data.captions import END, NULL, START
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.language.decoding import read_written, write_sequences
from jaxdl.language.seq2seq import Seq2Seq
from jaxdl.language.transformer import TransformerTranslator
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Key, Numbers, Tree

SHOWN = 6  # maps in a picture


@dataclass(frozen=True)
class TranslatorConfig:
    """Which translator: seq2seq (recurrent) or transformer; then its own options."""

    name: str = "transformer"
    """seq2seq or transformer."""

    @staticmethod
    def choose(name: str) -> "type[TranslatorConfig]":
        """The options of the one that is named."""
        if name not in CHOICES:
            raise unknown("model.name", name, CHOICES)
        return CHOICES[name]


@dataclass(frozen=True)
class Seq2SeqConfig(TranslatorConfig):
    """Recurrent encoder and decoder."""

    name: str = "seq2seq"
    """seq2seq or transformer."""
    cell: str = "gru"
    """rnn, lstm or gru."""
    attention: str = "additive"
    """none, dot or additive."""
    width: int = 64
    """Of a token's vector."""
    hidden: int = 128
    """Of the states."""


@dataclass(frozen=True)
class TransformerConfig(TranslatorConfig):
    """Transformer encoder and decoder."""

    width: int = 64
    """Of every token."""
    heads: int = 4
    """Of each attention."""
    depth: int = 2
    """Blocks of the encoder, and of the decoder."""
    hidden: int = 128
    """Of each MLP."""
    dropout: float = 0.0
    """After each part, in training."""
    norm_first: bool = True
    """Norm before each part, else after its sum."""
    positions: str = "sincos"
    """sincos, learned, rotary or none."""


CHOICES: dict[str, type[TranslatorConfig]] = {
    "seq2seq": Seq2SeqConfig,
    "transformer": TransformerConfig,
}


def build_translator(cfg: TranslatorConfig, vocabulary: int, length: int) -> nn.Module:
    """The model of `cfg` for texts of up to `length` tokens."""
    options = {name: value for name, value in vars(cfg).items() if name != "name"}
    cls: Any = Seq2Seq if cfg.name == "seq2seq" else TransformerTranslator
    return cls(vocabulary, length, **options)


def prepare_pairs(keys: Key, batch: Batch, *, train: bool) -> Batch:
    """`inputs`, (source, target without its last token), and `target` without its first."""
    source, target = batch["source"], batch["target"]
    return {"inputs": (source, target[:, :-1]), "target": target[:, 1:]}


class TranslatorEvaluator(Evaluator):
    """`evaluate(state, split, folder) -> {"exact", "tokens"}`; in `folder` it draws attention."""

    def __init__(self, model: nn.Module, *, beam: int = 1):
        self.model, self.beam = model, beam
        if beam < 1:
            raise UsageError(f"beam must be at least 1, got {beam}")
        self.rows_of = RowEvaluator(self._rows, prepare_pairs)

    def _rows(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        source, want = batch["inputs"][0], batch["target"]
        wrote, log_probability = write_sequences(
            self.model, variables, source, length=want.shape[1], beam=self.beam
        )
        kept = want != NULL
        right = jnp.sum((wrote == want) & kept, axis=1) / jnp.sum(kept, axis=1)
        exact = jnp.all(wrote == want, axis=1)
        return {"exact": exact, "right": right, "wrote": wrote, "log_probability": log_probability}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """What was written for each row, and how much of it is right."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """The shares of whole rows and of tokens that are right."""
        return {"exact": float(rows["exact"].mean()), "tokens": float(rows["right"].mean())}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`attention.png`."""
        return [draw_maps(self.model, state, split).save(folder / "attention.png")]


def draw_maps(model: nn.Module, state: TrainState, split: Split, count: int = SHOWN) -> Figure:
    """What each written token (a row) looked at in the source (columns); mean over heads."""
    batch = split.batch(np.arange(min(count, split.size)))
    source, target = batch["source"], batch["target"]
    drawn = write_sequences(model, state.variables, source, length=target.shape[1] - 1)
    wrote = read_written(drawn, "maps of attention")
    given = np.concatenate([np.full((len(wrote), 1), START), wrote[:, :-1]], axis=1)
    out: Any = model.apply(state.variables, (source, given), train=False)
    weights = np.asarray(out[1])
    if weights.ndim == 5:  # the last block's heads
        weights = weights[:, -1].mean(axis=1)
    figure = Figure(2, -(-len(wrote) // 2), size=(3 * -(-len(wrote) // 2), 6))
    for axis, row in zip(figure.axes, range(len(wrote)), strict=False):
        columns, lines = (words_of(ids, split.vocabulary) for ids in (source[row], wrote[row]))
        axis.imshow(weights[row, : len(lines), : len(columns)], cmap="gray", vmin=0, vmax=1)
        axis.set_xticks(range(len(columns)), columns, fontsize=6)
        axis.set_yticks(range(len(lines)), lines, fontsize=6)
    return figure


def words_of(ids: Host, vocabulary: Sequence[str]) -> list[str]:
    """The tokens up to <END>, which is shown as a dot, as <START> is."""
    real = [int(i) for i in ids if i != NULL]
    return ["·" if i in (START, END) else vocabulary[i] for i in real]
