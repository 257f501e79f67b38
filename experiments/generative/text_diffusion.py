"""Pictures of what a text asks for, by diffusion with guidance: jaxdl run shapes_text_diffusion."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import check_at_least
from jaxdl.cli import main
from jaxdl.data.captions import NULL
from jaxdl.data.config import ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.outlines import KINDS
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
from jaxdl.generative.shape_rule import name_shapes
from jaxdl.generative.unet import UNet, UNetConfig
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.draw_kept import draw_kept
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.clip import TextEncoder
from jaxdl.selfsup.shape_texts import COMBINATIONS, held_out, prompts, with_texts
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
    seed: int = 0
    """Of the initial weights, the choice of texts and the noise."""

    def __post_init__(self) -> None:
        check_at_least("samples", self.samples, 1)


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


def name_combinations(images: Host) -> Host:
    """Pictures in [0, 1] -> places in `COMBINATIONS` by `name_shapes`, -1 where no shape is."""
    color, kind = name_shapes(255 * np.asarray(images))
    return np.where(color < 0, -1, color * len(KINDS) + kind)


class TextEvaluator(Evaluator):
    """The loss; at the test pictures of every text under several guidances, and whether a rule, no
    network, sees in them what was asked for."""

    def __init__(self, cfg: Config, model: UNet, prepare: Prepare, splits: dict[str, Split]):
        self.cfg, self.splits = cfg, splits
        shape = splits["train"].example["image"].shape
        self.sampler = ImageSampler(model, cfg.diffusion, shape, NULL, cfg.seed)
        self.rows_of = RowEvaluator(denoising_rows(model), prepare)
        self.texts, self.ids = prompts()
        self.unseen = np.logical_or(*held_out(cfg.held_out))
        self.asked = np.tile(np.arange(len(COMBINATIONS)), cfg.samples)

    def make(self, state: TrainState, asked: Host, guidance: float, seed: int) -> Host:
        """A picture of each of the pairs `(N,)`; the noise is the same under every guidance."""
        start = self.sampler.noise(len(asked), seed)
        return self.sampler.make(state.variables, start, self.ids[asked], guidance)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The loss of every row; at the test what was `said` of pictures, by guidance, and of the
        test's own (`said_of_real`)."""
        rows: dict[str, Any] = self.rows_of(state, split)
        if split is self.splits["test"]:
            for guidance in self.weights():
                made = self.make(state, self.asked, guidance, 1)
                rows[f"said_{guidance:g}"] = name_combinations(made)
            rows["said_of_real"] = name_combinations(split.read("image") / 255)
        return rows

    def weights(self) -> tuple[float, ...]:
        """The guidance of the config, then the others."""
        return tuple(dict.fromkeys((self.cfg.diffusion.guidance, *self.cfg.guidances)))

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean loss; `match`, the share of pictures whose color and kind are those asked for,
        of all pairs and of those never trained on (`unseen_match`), and under each guidance;
        `real_match`, that of the test's own pictures, which is what the rule itself can do."""
        numbers = {"loss": float(rows["loss"].mean(dtype=np.float64))}
        if "said_of_real" not in rows:
            return numbers
        said, asked = rows[f"said_{self.cfg.diffusion.guidance:g}"], self.asked
        kinds = len(KINDS)
        numbers |= {
            "match": float(np.mean(said == asked)),
            "unseen_match": float(np.mean((said == asked)[self.unseen[asked]])),
            "color_match": float(np.mean(said // kinds == asked // kinds)),
            "kind_match": float(np.mean((said >= 0) & (said % kinds == asked % kinds))),
            "real_match": float(np.mean(rows["said_of_real"] == split.read("combination"))),
        }
        for weight in self.weights():
            right = rows[f"said_{weight:g}"] == asked
            numbers[f"match_guidance_{weight:g}"] = float(np.mean(right))
        return numbers

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`texts.png`, a picture of each pair; at the test `guidance.png`, some under each."""
        every = np.arange(len(COMBINATIONS))
        images = self.make(state, every, self.cfg.diffusion.guidance, 0)
        titles = [self.texts[i] + ("\n(never seen)" if self.unseen[i] else "") for i in every]
        title = f"What was made of each text, guidance {self.cfg.diffusion.guidance:g}"
        sheet = draw_grid(list(images), titles, title=title, columns=len(KINDS), cell=1.25)
        paths = [sheet.save(folder / "texts.png")]
        if split is self.splits["test"]:
            paths.append(self.draw_guidance(state).save(folder / "guidance.png"))
        return paths

    def draw_guidance(self, state: TrainState) -> Figure:
        """Four texts, four pictures each, a row for every guidance."""
        asked = np.repeat([color * len(KINDS) + kind for color, kind in SHOWN], 4)
        images: list[Host] = []
        titles: list[str] = []
        for weight in sorted(self.weights()):
            images += list(self.make(state, asked, weight, 0))
            titles += [f"{self.texts[pair]}\nguidance {weight:g}" for pair in asked]
        title = "The same noise under several guidances"
        return draw_grid(images, titles, title=title, columns=len(asked), cell=1.1)


if __name__ == "__main__":
    main(__file__)
