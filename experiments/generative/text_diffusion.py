"""Pictures of what a text asks for, by diffusion with guidance: jaxdl run shapes_text_diffusion."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import flax.linen as nn
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.captions import NULL
from jaxdl.data.config import ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.generative.denoising import (
    add_noise_rows,
    denoising_loss,
    denoising_rows,
    drop_labels,
    sample_timesteps,
)
from jaxdl.generative.diffusion import DiffusionConfig, make_betas
from jaxdl.generative.image_sampler import ImageSampler
from jaxdl.generative.sample_evaluator import SampleEvaluator, SampleEvaluatorConfig
from jaxdl.generative.unet import UNet, UNetConfig
from jaxdl.models.registry import create_model
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.draw_kept import draw_kept
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.clip import TextEncoder
from jaxdl.selfsup.shape_texts import COMBINATIONS, combinations_of, held_out, prompts, with_texts
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Host, Key, Numbers, Prepare

SHOWN = ((0, 0), (2, 1), (3, 4), (4, 2))  # color and kind of a row under several weights


@dataclass(frozen=True)
class Config:
    """Pictures of one shape with texts, a U-Net that reads these, and how it is trained."""

    data: ShapesData = ShapesData(image_size=(24,), max_objects=1)
    model: UNetConfig = UNetConfig(patch=2)
    text_width: int = 64
    """Of a word's vector; a text is the mean of its words."""
    held_out: float = 0.2
    """At least this part of all pairs of a color and a kind is never trained on, and half as many
    others are for validation."""
    diffusion: DiffusionConfig = DiffusionConfig(sample_steps=25, guidance=1.0)
    guidances: tuple[float, ...] = (0.0, 3.0)
    """Other weights of the guidance that the test compares."""
    samples: int = 10
    """Of each pair's text, in the test."""
    optim: OptimConfig = Adam(lr=1e-3, ema=0.995)
    loop: LoopConfig = LoopConfig(epochs=10)
    evaluator: SampleEvaluatorConfig = SampleEvaluatorConfig(epochs=6, num_samples=480)
    seed: int = 0
    """Of the initial weights, the choice of texts and the noise."""

    def __post_init__(self) -> None:
        if self.samples < 1 or not self.evaluator.epochs:
            raise UsageError("text_diffusion: samples and evaluator.epochs must be at least 1")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = with_texts(load_splits(cfg.data, fields=("image", "caption")), cfg.held_out)
    train = splits["train"]
    length = train.example["captions"].shape[1]
    reader = TextEncoder(len(train.vocabulary), length, width=cfg.text_width, depth=0)
    model = UNet(**vars(cfg.model), reader=reader)
    prepare = make_prepare(cfg)
    evaluate = TextEvaluator(cfg, model, prepare, splits)
    return supervised(
        model,
        splits,
        prepare,
        denoising_loss(model),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        report=evaluate.judge.report,
        inputs="inputs",
    )


def make_prepare(cfg: Config) -> Prepare:
    """uint8 images -> `inputs` (noised, time, one text of the row, in training perhaps none) and
    their `noise`."""
    betas = make_betas(cfg.diffusion.schedule, cfg.diffusion.steps)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = 2 * to_float(batch["image"]) - 1
        noise, text = split_rows(keys, 2)
        made = add_noise_rows(noise, image, betas) if train else sample_timesteps(image, betas)
        words = draw_kept(text, batch["captions"], batch["kept"], train=train)
        if train:
            words = drop_labels(keys, words, NULL, cfg.diffusion.label_dropout)
        made["inputs"]["label"] = words
        return made

    return prepare


class CombinationJudge(SampleEvaluator):
    """A small ResNet that names colors and kinds at once, and has seen all pairs."""

    recipe = Adam(lr=3e-3, schedule="cosine", warmup=20)
    stage = "pooled"

    @cached_property
    def model(self) -> nn.Module:
        """The classifier; its last stage has `features` channels."""
        width = self.cfg.features // 4
        form = {"blocks": (1, 1, 1), "width": width, "small": True, "stem_stride": 2}
        return create_model("resnet18", len(COMBINATIONS), **form)

    @cached_property
    def splits(self) -> dict[str, Split]:
        """All pictures, labeled by their pair."""
        given: Mapping[str, Split] = load_splits(self.data, fields=("image", "caption"))
        classes = tuple(" ".join(pair) for pair in COMBINATIONS)
        return {
            name: Split(
                {"image": split.read("image"), "label": combinations_of(split.read("caption"))},
                classes,
                name=name,
                batch_size=split.batch_size,
                synthetic=split.synthetic,
            )
            for name, split in given.items()
        }


class TextEvaluator(Evaluator):
    """The loss; at the test pictures of every text under several guidances, and whether the judge
    sees in them what was asked for."""

    def __init__(self, cfg: Config, model: UNet, prepare: Prepare, splits: dict[str, Split]):
        self.cfg, self.splits = cfg, splits
        shape = splits["train"].example["image"].shape
        self.sampler = ImageSampler(model, cfg.diffusion, shape, NULL, cfg.seed)
        self.judge = CombinationJudge(cfg.evaluator, cfg.data)
        self.rows_of = RowEvaluator(denoising_rows(model), prepare)
        self.asked = np.tile(np.arange(len(COMBINATIONS)), cfg.samples)

    def make(self, state: TrainState, asked: Host, guidance: float, seed: int) -> Host:
        """A picture of each of the pairs `(N,)`; the noise is the same under every guidance."""
        start = self.sampler.noise(len(asked), seed)
        return self.sampler.make(state.variables, start, prompts()[1][asked], guidance)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The loss of every row; at the test `samples` and, by guidance, what the judge `said`."""
        rows: dict[str, Any] = self.rows_of(state, split)
        if split is self.splits["test"]:
            own = self.cfg.diffusion.guidance
            for guidance in dict.fromkeys((own, *self.cfg.guidances)):
                made = self.make(state, self.asked, guidance, 1)
                rows[f"said_{guidance:g}"] = self.judge.look(made)[1].argmax(axis=1)
                if guidance == own:
                    rows["samples"], rows["said"] = made, rows[f"said_{guidance:g}"]
        return rows

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean loss; `match`, the share of pictures of which color and kind are those asked
        for, of all pairs, of those never trained on (`unseen_match`), under each guidance; and
        what `SampleEvaluator` measures."""
        numbers = {"loss": float(rows["loss"].mean(dtype=np.float64))}
        if "samples" not in rows:
            return numbers
        right = rows["said"] == self.asked
        said, asked = (np.array(COMBINATIONS)[x] for x in (rows["said"], self.asked))
        unseen = np.logical_or(*held_out(self.cfg.held_out))[self.asked]
        numbers |= {
            "match": float(right.mean()),
            "unseen_match": float(right[unseen].mean()),
            "color_match": float(np.mean(said[:, 0] == asked[:, 0])),
            "kind_match": float(np.mean(said[:, 1] == asked[:, 1])),
        }
        for name, found in rows.items():
            if name.startswith("said_"):
                numbers[name.replace("said", "match_guidance")] = float(
                    np.mean(found == self.asked)
                )
        return {**numbers, **self.judge.measure(rows["samples"])}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`texts.png`, a picture of each pair; at the test `guidance.png`, some under each."""
        texts, unseen = prompts()[0], np.logical_or(*held_out(self.cfg.held_out))
        every = np.arange(len(COMBINATIONS))
        images = self.make(state, every, self.cfg.diffusion.guidance, 0)
        titles = [texts[i] + ("\n(never seen)" if unseen[i] else "") for i in every]
        title = f"What was made of each text, guidance {self.cfg.diffusion.guidance:g}"
        kinds = len({kind for _, kind in COMBINATIONS})
        sheet = draw_grid(list(images), titles, title=title, columns=kinds, cell=1.25)
        paths = [sheet.save(folder / "texts.png")]
        if split is self.splits["test"]:
            paths.append(self.draw_guidance(state, kinds).save(folder / "guidance.png"))
        return paths

    def draw_guidance(self, state: TrainState, kinds: int) -> Figure:
        """Four texts, four pictures each, a row for every guidance."""
        asked = np.repeat([color * kinds + kind for color, kind in SHOWN], 4)
        images: list[Host] = []
        titles: list[str] = []
        for weight in sorted({self.cfg.diffusion.guidance, *self.cfg.guidances}):
            images += list(self.make(state, asked, weight, 0))
            titles += [f"{prompts()[0][pair]}\nguidance {weight:g}" for pair in asked]
        title = "The same noise under several guidances"
        return draw_grid(images, titles, title=title, columns=len(asked), cell=1.1)


if __name__ == "__main__":
    main(__file__)
