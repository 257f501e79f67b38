"""What a captioner is trained on, how what it writes is scored, and how it is drawn."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxdl.data.captions import START, decode_caption
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.language.decoding import write_sequences
from jaxdl.metrics.text import corpus_bleu, corpus_cider_d, corpus_rouge_l
from jaxdl.ops.augment.draw_kept import draw_kept
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Key, Numbers, Prepare, Tree

SHOWN = 12  # images in a picture
MAPPED = 4  # images whose attention is drawn


def prepare_captions(
    mean: tuple[float, ...], std: tuple[float, ...], *, captions: int = 0
) -> Prepare:
    """`inputs` (images or features, caption without its last token), `target` without its first.

    A row has one `caption` or several `captions`, those that are `kept`; in training one of the
    first `captions` (0: all) is drawn, in evaluation the first is taken.
    """

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        seen = batch.get("features")
        if seen is None:
            seen = normalize(to_float(batch["image"]), mean, std)
        every, kept = references_of(batch)
        words = draw_kept(keys, every, kept, train=train, first=captions)
        return {"inputs": (seen, words[:, :-1]), "target": words[:, 1:]}

    return prepare


def references_of(batch: Batch) -> tuple[Any, Any]:
    """All captions `(B, C, L)` of the rows, and which are no padding `(B, C)`."""
    if "caption" in batch:
        caption = batch["caption"][:, None]
        return caption, np.ones(caption.shape[:2], bool)
    return batch["captions"], batch["kept"]


class CaptionEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: exact, BLEU-1..4, ROUGE-L, CIDEr-D against all references.

    In `folder` it writes `captions.txt`: what was written for each row, and one reference.
    """

    def __init__(self, model: nn.Module, prepare: Prepare, *, beam: int = 1):
        self.model, self.beam = model, beam
        self.rows_of = RowEvaluator(self._rows, prepare, batch_size=64)

    def _rows(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        seen, length = batch["inputs"][0], batch["target"].shape[1]
        wrote = write_sequences(self.model, variables, seen, length=length, beam=self.beam)
        return {"wrote": wrote.tokens, "log_probability": wrote.log_probability}

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """`wrote`: the text for each row."""
        ids = self.rows_of(state, split)["wrote"]
        return {"wrote": [decode_caption(row, split.vocabulary) for row in ids]}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """Every score of the texts."""
        return score_captions(rows["wrote"], reference_texts(split))

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """`captions.txt`."""
        pairs = zip(rows["wrote"], reference_texts(split), strict=True)
        lines = [f"{text}\t{references[0]}\n" for text, references in pairs]
        (folder / "captions.txt").write_text("".join(lines), encoding="utf-8")


def reference_texts(split: Split) -> list[list[str]]:
    """The captions of every row, as text; a row without any has an empty one."""
    every, kept = references_of(split.batch(np.arange(split.size)))
    return [
        [decode_caption(ids, split.vocabulary) for ids in own[mask]] or [""]
        for own, mask in zip(every, kept, strict=True)
    ]


def score_captions(wrote: Sequence[str], references: Sequence[Sequence[str]]) -> Numbers:
    """Every score of texts against their references."""
    words = [text.split() for text in wrote]
    own = [[text.split() for text in texts] for texts in references]
    exact = np.mean([text in texts for text, texts in zip(wrote, references, strict=True)])
    bleu = {f"bleu{n}": corpus_bleu(words, own, order=n) for n in range(1, 5)}
    rouge, cider = corpus_rouge_l(words, own), corpus_cider_d(words, own)
    return {"exact": float(exact), **bleu, "rouge_l": rouge, "cider_d": cider}


def attention_of(model: nn.Module, variables: Tree, seen: Array, wrote: Array) -> Host:
    """The weights behind each written word, `(B, T, places)`; no places where it has none."""
    start = jnp.full((len(wrote), 1), START, wrote.dtype)
    given = jnp.concatenate([start, wrote[:, :-1]], axis=1)
    out: Any = model.apply(variables, (seen, given), train=False)
    return np.asarray(out[1])


def draw_captions(images: Host, wrote: Sequence[str], references: Sequence[str]) -> Figure:
    """Images `(N, H, W, 3)`, each with what was written and the truth."""
    columns = min(4, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(rows, columns, size=(3.4 * columns, 3.2 * rows))
    for axis in figure.axes:
        axis.set_axis_off()
    for axis, image, ours, truth in zip(figure.axes, images, wrote, references, strict=False):
        axis.imshow(image)
        axis.set_title(f"{_folded(ours)}\n(truth: {_folded(truth)})", fontsize=6)
    return figure


def draw_attention(images: Host, weights: Host, wrote: Sequence[str]) -> Figure:
    """One line per image: the image, then under each word where it looked, the grid over the image.

    `weights` `(N, T, places)`, places a square grid.
    """
    words = [text.split()[: weights.shape[1]] for text in wrote]
    columns = 1 + max((len(own) for own in words), default=0)
    figure = Figure(len(images), columns, size=(1.1 * columns, 1.35 * len(images)))
    for axis in figure.axes:
        axis.set_axis_off()
    side = round(weights.shape[2] ** 0.5)
    for row, (image, own) in enumerate(zip(images, words, strict=True)):
        line = figure.axes[row * columns : (row + 1) * columns]
        line[0].imshow(image)
        extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        for axis, word, weight in zip(line[1:], own, weights[row], strict=False):
            axis.imshow(image)
            grid = weight.reshape(side, side)
            axis.imshow(grid, cmap="gray", alpha=0.6, extent=extent, interpolation="bilinear")
            axis.set_title(word, fontsize=7)
    return figure


def _folded(text: str, width: int = 38) -> str:

    return "\n".join(textwrap.wrap(text, width)) or "(nothing)"
