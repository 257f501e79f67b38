"""One text to another, recurrent or Transformer: jaxdl run dates_seq2seq, reverse_transformer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.cli import main
from jaxdl.data.captions import check_split_ids, decode_caption
from jaxdl.data.config import DataConfig, LanguageData
from jaxdl.data.load import load_splits
from jaxdl.data.synthetic.translation import encode
from jaxdl.evaluation.picture_files import Predicted
from jaxdl.language.decoding import read_written, write_sequences
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
from jaxdl.typing import Batch, Host, Key, LossOutput, Tree


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


def predict(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """A translation of each line of text files."""
    split, model = run.task.splits["train"], run.task.model
    assert model is not None, "the run of a model"
    longest, length = (len(split.example[name]) for name in ("source", "target"))
    lines, faults, rows = [], [], []
    for file in files:
        sources = []
        for i, text in enumerate(read_lines(file), 1):
            strange = sorted(set(text) - set(split.vocabulary))
            if strange or not 0 < len(text) <= longest - 2:
                why = f"characters that training had not: {', '.join(map(repr, strange))}" * bool(
                    strange
                )
                faults.append(f"{file}:{i}: {why or f'needs 1 to {longest - 2} characters'}")
            else:
                sources.append(text)
        for start in range(0, len(sources), 64):
            ids = encode(sources[start : start + 64], split.vocabulary, longest)
            wrote = write_sequences(
                model, run.state.variables, ids, length=length - 1, beam=run.cfg.beam_size
            )
            ids = read_written(wrote, f"predict {file}")
            for source, row in zip(sources[start:], ids, strict=False):
                text = characters(row, split.vocabulary)
                lines.append(f"{source} -> {text}")
                rows.append({"file": str(file), "source": source, "text": text})
    return Predicted(lines, faults, rows)


def read_lines(file: Path) -> list[str]:
    """The lines of a UTF-8 text file. Raises DataError where it is none."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as UTF-8 text ({error})") from None


def characters(ids: Host, vocabulary: tuple[str, ...]) -> str:
    """What is written, as one text: no spaces between characters but the one that is one."""
    text = decode_caption(ids, vocabulary)
    return text.replace("   ", "\0").replace(" ", "").replace("\0", " ")


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
    ids = read_written(wrote, "translations of the test split")
    for source, target, ours in zip(batch["source"], batch["target"], ids, strict=True):
        source, ours, target = (characters(x, split.vocabulary) for x in (source, ours, target))
        mark = "" if ours == target else f"  (right: {target})"
        lines.append(f"{source} -> {ours}{mark}")
    return "\n".join([*lines, str(draw_maps(model, run.state, split).save(out))])


if __name__ == "__main__":
    main(__file__)
