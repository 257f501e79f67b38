"""Captions for images: jaxdl run shapes_caption_attention, coco_caption_attention, ..."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.captions import check_split_ids, decode_caption
from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.images.letterbox import letterbox
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.cached_features import cached_features, with_features
from jaxdl.evaluation.picture_files import PictureFiles, Predicted, Sheet
from jaxdl.language.caption_task import (
    MAPPED,
    SHOWN,
    CaptionEvaluator,
    attention_of,
    draw_attention,
    draw_captions,
    prepare_captions,
    reference_texts,
)
from jaxdl.language.captioner import (
    AttentionCaptioner,
    ImageCaptioner,
    RecurrentCaptioner,
    TransformerCaptioner,
    features_of,
)
from jaxdl.language.decoding import read_written, write_sequences
from jaxdl.losses.sequence import sequence_cross_entropy, token_counts
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.sequence import exact_accuracy
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.models.weights.start import folded_norms
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.freeze import freeze_task
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import normalize, to_float
from jaxdl.training.restore import RestoredRun
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, example_batch, supervised
from jaxdl.typing import Array, Batch, Key, LossOutput, Tree

DECODERS = ("rnn", "lstm", "attention", "transformer")


@dataclass(frozen=True)
class DecoderConfig:
    """What writes the words."""

    name: str = "attention"
    """rnn, lstm, attention (an LSTM that looks at the grid) or transformer."""
    width: int = 128
    """Of a word's vector."""
    hidden: int = 128
    """Of the state; of a transformer's MLP."""

    def __post_init__(self) -> None:
        check_one_of("decoder.name", self.name, DECODERS)


@dataclass(frozen=True)
class BackboneConfig:
    """Where features come from, beside the model itself."""

    stage: str = "last"
    """The stage of the model whose values are the features."""
    grid: int = 4
    """Cells a side that they are averaged over (0: as they are)."""
    frozen: bool = False
    """Do not train the model: its features are computed once and kept on disk."""
    standardize: bool = False
    """Frozen: each feature less its mean over the training rows, divided by its deviation."""


@dataclass(frozen=True)
class Config:
    """Images with captions, a backbone, a decoder, and how they are trained."""

    data: DataConfig = ShapesData(image_size=(48,))
    mean: tuple[float, ...] = (0.5,)
    """Subtracted from pixels in [0, 1]; one number, or one per channel."""
    std: tuple[float, ...] = (0.25,)
    """What they are divided by then."""
    model: ModelConfig = ModelConfig(name="mobilenet_v2")
    backbone: BackboneConfig = BackboneConfig()
    decoder: DecoderConfig = DecoderConfig()
    captions_per_image: int = 0
    """Training: draw among so many captions of an image (0: all)."""
    beam_size: int = 1
    """Width of the search that writes captions (1: greedy)."""
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the choice of captions and dropout."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    fields = ("caption",) if isinstance(cfg.data, ShapesData) else ("captions", "kept")
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", *fields))
    check_split_ids(splits, "caption", "captions")
    prepare = prepare_captions(cfg.mean, cfg.std, captions=cfg.captions_per_image)
    train = splits["train"]
    captions = next(name for name in ("caption", "captions") if name in train.names)
    length = train.example[captions].shape[-1]
    decoder = build_decoder(cfg.decoder, len(train.vocabulary), length)
    backbone = build_model(cfg.model, num_classes=0)
    if cfg.backbone.frozen:
        splits = freeze(cfg, backbone, splits)
        model = decoder
    else:
        model = ImageCaptioner(backbone, decoder, cfg.backbone.stage, cfg.backbone.grid)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        (logits, _), extra = apply_train(model, params, extra, batch["inputs"], key)
        loss = sequence_cross_entropy(logits, batch["target"])
        count = token_counts(batch["target"])
        metrics = {
            "loss": weighted(loss),
            "loss_a_word": (jnp.sum(loss), jnp.sum(count)),
            "exact": exact_accuracy(logits, batch["target"]),
        }
        return global_mean(loss), (extra, metrics)

    task = supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=CaptionEvaluator(model, prepare, beam=cfg.beam_size),
        inputs="inputs",
    )
    folded = () if cfg.backbone.frozen else folded_norms(backbone, "backbone")
    return freeze_task(task, cfg.optim, cfg.loop, folded)


def build_decoder(cfg: DecoderConfig, vocabulary: int, length: int) -> Any:
    """The module of `cfg`."""
    if cfg.name == "transformer":
        return TransformerCaptioner(vocabulary, length, cfg.width, hidden=cfg.hidden)
    if cfg.name == "attention":
        return AttentionCaptioner(vocabulary, cfg.width, cfg.hidden)
    return RecurrentCaptioner(vocabulary, cfg.width, cfg.hidden, cfg.name)


def freeze(cfg: Config, backbone: Any, splits: dict[str, Split]) -> dict[str, Split]:
    """The splits with features of the backbone in place of images."""
    variables = first_variables(backbone, splits["train"])

    def apply(variables: Tree, images: Array) -> Array:
        x = normalize(to_float(images), cfg.mean, cfg.std)
        stages = backbone.apply(variables, x, train=False, stages=True)
        return features_of(stages, cfg.backbone.stage, cfg.backbone.grid)

    made = {role: cached_features(apply, variables, split) for role, split in splits.items()}
    if cfg.backbone.standardize:
        axes = tuple(range(made["train"].ndim - 1))
        center, spread = made["train"].mean(axes), made["train"].std(axes)
        made = {role: (value - center) / (spread + 1e-5) for role, value in made.items()}
    return {role: with_features(splits[role], made[role]) for role in splits}


def first_variables(backbone: Any, split: Split) -> Tree:
    """Those of the model's weights, else random ones of seed 0."""
    shape = example_batch(split)["image"].shape
    init = partial(backbone.init, train=False)
    return jax.jit(init)(jax.random.key(0), jnp.zeros(shape, jnp.float32))


def predict(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """A caption for each picture, drawn into `folder/sheet.png`."""
    cfg, task, model = run.cfg, run.task, run.task.model
    split = task.splits["train"]
    if "image" not in split.names:
        raise UsageError(
            f"predict {run.folder}: the run kept features of its pictures, not how they are made; "
            "train with backbone.frozen = false to caption files"
        )
    height, width, channels = split.example["image"].shape
    pictures, sheet, lines = PictureFiles(files, channels=channels), Sheet(), []
    rows = []
    for group, images in pictures:
        cut = np.stack([letterbox(image, (height, width)) for image in images])
        batch = {**example_batch(split, len(cut)), "image": cut}
        prepared = task.prepare(jax.random.split(jax.random.key(0), len(cut)), batch, train=False)
        seen, length = prepared["inputs"][0], prepared["target"].shape[1]
        wrote = write_sequences(model, run.state.variables, seen, length=length, beam=cfg.beam_size)  # pyright: ignore
        ids = read_written(wrote, f"predict {group[0]}" + ", ..." * (len(group) > 1))
        for file, image, row in zip(group, images, ids, strict=True):
            text = decode_caption(row, split.vocabulary)
            lines.append(f"{file}  {text or '(nothing)'}")
            rows.append({"file": str(file), "text": text})
            sheet.add(image, "\n".join([file.name, *textwrap.wrap(text, 30)[:3]]))
    return Predicted([*lines, *sheet.save(folder / "sheet.png")], pictures.faults, rows)


def show(run: RestoredRun, out: Path) -> str:
    """Test images with captions and truth in `out`, attention beside it; the same as text."""
    task, cfg = run.task, run.cfg
    lines = []
    for role in ("train", "test"):
        split, rows = task.splits[role], np.arange(min(SHOWN, task.splits[role].size))
        batch = split.batch(rows)
        prepared = task.prepare(jax.random.split(jax.random.key(0), len(rows)), batch, train=False)
        seen, length = prepared["inputs"][0], prepared["target"].shape[1]
        variables, model = run.state.variables, task.model
        written = write_sequences(model, variables, seen, length=length, beam=cfg.beam_size)  # pyright: ignore
        ids = read_written(written, f"captions of {role}")
        wrote = [decode_caption(row, split.vocabulary) for row in ids]
        truth = [own[0] for own in reference_texts(split.take(rows, name=role))]
        lines += [f"{role}: {a}  (truth: {b})" for a, b in zip(wrote, truth, strict=True)]
        numbers = task.measure(run.state, split)
        lines.append(f"all of {role}: " + ", ".join(f"{k} {v:.3f}" for k, v in numbers.items()))
        images = batch["image"] if "image" in batch else images_of(cfg, role, rows)
        weights = attention_of(model, variables, seen, ids)  # pyright: ignore
        path = out.with_stem(f"{out.stem}_{role}")
        lines.append(str(draw_captions(images, wrote, truth).save(path)))
        if weights.shape[2]:
            figure = draw_attention(images[:MAPPED], weights[:MAPPED], wrote[:MAPPED])
            lines.append(str(figure.save(path.with_stem(f"{path.stem}_attention"))))
    return "\n".join(lines)


def images_of(cfg: Config, role: str, rows: Any) -> Any:
    """The images whose features the task has."""
    return load_splits(cfg.data, fields=("image",))[role].batch(rows)["image"]


if __name__ == "__main__":
    main(__file__)
