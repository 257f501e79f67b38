"""Pictures and their texts in one space: jaxdl run shapes_clip."""

import dataclasses
from dataclasses import dataclass

import jax.numpy as jnp

from jaxdl.checks import UsageError, check_fraction
from jaxdl.cli import main
from jaxdl.data.captions import check_split_ids
from jaxdl.data.config import DataConfig, RunData, ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.tables.word_vectors import read_word_vectors
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.ops.augment.color import check_colors
from jaxdl.ops.augment.color import gray as to_gray
from jaxdl.ops.augment.crop_flip import row_uniform, split_rows
from jaxdl.ops.augment.draw_kept import draw_kept
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.clip import CLIP, TextEncoder
from jaxdl.selfsup.clip_predict import predict_labels  # noqa: F401
from jaxdl.selfsup.clip_scores import CLIPEvaluator
from jaxdl.selfsup.clip_task import clip_task
from jaxdl.selfsup.form_color import FormAndColor
from jaxdl.selfsup.shape_texts import with_texts
from jaxdl.selfsup.word_start import with_word_vectors
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.task import Task
from jaxdl.typing import Batch, Key, Prepare


@dataclass(frozen=True)
class TextConfig:
    """What reads the words."""

    width: int = 64
    """Of the Transformer."""
    depth: int = 1
    """Blocks of it; 0: a text is the mean of its words."""
    heads: int = 4
    """Of its attention; they divide the width."""
    word_width: int = 0
    """Of a word's vector, which a linear layer brings to the width (0: as wide)."""
    vectors: str = ""
    """Words start as the vectors of this folder, such as glove50 (default: at random)."""


@dataclass(frozen=True)
class Config:
    """Pictures with texts, two encoders, and how they are trained."""

    data: DataConfig = ShapesData(image_size=(32,), max_objects=1, batch_size=128)
    image: ImageConfig = ImageConfig(mean=(0.5,), std=(0.25,))
    model: ModelConfig = ModelConfig(name="preact_resnet20")
    """What sees the pictures."""
    form_and_color: bool = False
    """It sees edges alone, which tell no color; a small net sees colors without their places."""
    gray: float = 0.0
    """Training: the chance that a picture loses its colors, so that shapes tell by themselves; of
    shapes its text then names no color."""
    text: TextConfig = TextConfig()
    dim: int = 64
    """Of the space that both share."""
    held_out: float = 0.2
    """Of shapes: at least this part of all pairs of a color and a kind is for the test alone; half
    as many others are for validation, and the rest is what training sees."""
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the choice of texts and augmentation."""

    def __post_init__(self) -> None:
        check_fraction("gray", self.gray)
        if self.form_and_color and self.model.weights:
            raise UsageError(
                f"clip: model.weights {self.model.weights!r} are for pictures with colors, but "
                "with form_and_color the model sees edges; leave one of them out"
            )


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_texts(cfg)
    train = splits["train"]
    length = train.example["captions"].shape[1]
    text = dataclasses.asdict(cfg.text)
    vectors = text.pop("vectors")
    words = TextEncoder(len(train.vocabulary), length, hidden=2 * cfg.text.width, **text)
    pictures = build_model(cfg.model, num_classes=0)
    pictures = FormAndColor(pictures) if cfg.form_and_color else pictures
    model = CLIP(pictures, words, cfg.dim)
    prepare = prepare_pairs(cfg.image, cfg.gray)
    evaluate = CLIPEvaluator(model, prepare)
    task = clip_task(model, splits, prepare, cfg.optim, loop=cfg.loop, evaluate=evaluate)
    if not vectors or isinstance(cfg.data, RunData):  # a trained one has learned its own
        return task
    return with_word_vectors(task, read_word_vectors(vectors, field="text.vectors"))


def load_texts(cfg: Config) -> dict[str, Split]:
    """Splits whose rows have `image`, `captions` `(C, L)` and `kept` `(C,)`."""
    if isinstance(cfg.data, ShapesData):
        return with_texts(load_splits(cfg.data, fields=("image", "caption")), cfg.held_out)
    splits = load_splits(cfg.data)
    for split in splits.values():
        split.check_has("image", "captions", "kept")
    check_split_ids(splits, "captions")
    return splits


def prepare_pairs(image: ImageConfig, gray: float) -> Prepare:
    """`inputs`: pictures, and one text of each, drawn in training; `captions`: all of them."""
    of_images = prepare_images(image)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        own, text, fade = split_rows(keys, 3)
        words = draw_kept(text, batch["captions"], batch["kept"], train=train)
        seen = of_images(own, {"image": batch["image"]}, train=train)["image"]
        if train and gray:
            check_colors("gray: images", seen)
            fades = row_uniform(fade, 1)[:, 0] < gray
            faded = to_gray(jnp.moveaxis(seen, -1, 0))[..., None]
            seen = jnp.where(fades[:, None, None, None], faded, seen)
            if "gray_captions" in batch:
                others = batch["gray_captions"]
                of_gray = draw_kept(text, others, jnp.ones(others.shape[:2], bool), train=True)
                words = jnp.where(fades[:, None], of_gray, words)
        return {"inputs": (seen, words), "captions": batch["captions"]}

    return prepare


if __name__ == "__main__":
    main(__file__)
