"""One text to another, recurrent or Transformer: jaxdl run dates_seq2seq, reverse_transformer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cli import main
from jaxdl.data.captions import check_split_ids, decode_caption
from jaxdl.data.config import DataConfig, LanguageData
from jaxdl.data.load import load_splits
from jaxdl.language.decoding import write_sequences
from jaxdl.language.translation_task import (
    TransformerConfig,
    TranslatorConfig,
    TranslatorEvaluator,
    build_translator,
    draw_maps,
    prepare_pairs,
)
from jaxdl.losses.sequence import sequence_cross_entropy, token_counts
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.sequence import exact_accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.restore import RestoredRun
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossOutput, Tree


@dataclass(frozen=True)
class Config:
    """A task with one right answer, a translator, and how it is trained."""

    data: DataConfig = LanguageData(batch_size=64)
    model: TranslatorConfig = TransformerConfig()
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine", warmup=100, clip_norm=1.0)
    loop: LoopConfig = LoopConfig(epochs=10)
    beam_size: int = 1
    """Width of the search that writes a translation (1: greedy)."""
    seed: int = 0
    """Of the initial weights and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("source", "target"))
    check_split_ids(splits, "source", "target")
    train = splits["train"]
    length = max(len(train.example[name]) for name in ("source", "target"))
    model = build_translator(cfg.model, len(train.vocabulary), length)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        (logits, _), extra = apply_train(model, params, extra, batch["inputs"], key)
        loss, count = sequence_cross_entropy(logits, batch["target"]), token_counts(batch["target"])
        metrics = {
            "loss": weighted(loss / count, count),
            "exact": exact_accuracy(logits, batch["target"]),
        }
        return global_mean(loss / count, count), (extra, metrics)

    return supervised(
        model,
        splits,
        prepare_pairs,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=TranslatorEvaluator(model, beam=cfg.beam_size),
        inputs="inputs",
    )


def show(run: RestoredRun, out: Path) -> str:
    """Ten test rows with what the run writes, and attention maps of some in `out`."""
    split = run.task.splits["test"]
    batch = split.batch(np.arange(min(10, split.size)))
    length = batch["target"].shape[1] - 1
    model: Any = run.task.model
    variables = run.state.variables
    wrote = write_sequences(
        model, variables, batch["source"], length=length, beam=run.cfg.beam_size
    )
    lines = []
    for source, target, ours in zip(
        batch["source"], batch["target"], np.asarray(wrote), strict=True
    ):
        texts = [decode_caption(ids, split.vocabulary) for ids in (source, ours, target)]
        # Characters, so no space between them but the one that is a character.
        source, ours, target = (text.replace("   ", "\0").replace(" ", "") for text in texts)
        mark = "" if ours == target else f"  (right: {target})"
        lines.append(f"{source} -> {ours}{mark}".replace("\0", " "))
    return "\n".join([*lines, str(draw_maps(model, run.state, split).save(out))])


if __name__ == "__main__":
    main(__file__)
