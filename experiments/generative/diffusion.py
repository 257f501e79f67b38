"""DDPM and DDIM on images, with a class or without: jaxdl run mnist_ddpm."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
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
from jaxdl.generative.latent_walks import interpolate, save_grid
from jaxdl.generative.sample_evaluator import SampleEvaluator, SampleEvaluatorConfig
from jaxdl.generative.unet import UNet, UNetConfig
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, Numbers, Prepare

SIDE = 8  # images a row of a grid


@dataclass(frozen=True)
class ModelConfig(UNetConfig):
    """The U-Net's widths, and whether it is told the class."""

    conditional: bool = False
    """The model is given the class, or none."""


@dataclass(frozen=True)
class Config:
    """Images, a U-Net, a noise process, and how the net is trained."""

    data: DataConfig = DataConfig(name="digits")
    model: ModelConfig = ModelConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    optim: OptimConfig = Adam(lr=1e-3, ema=0.995)
    loop: LoopConfig = LoopConfig(epochs=10)
    evaluator: SampleEvaluatorConfig = SampleEvaluatorConfig()
    seed: int = 0
    """Of the initial weights and the noise."""

    def __post_init__(self) -> None:
        if self.diffusion.guidance and not self.model.conditional:
            raise UsageError("diffusion.guidance needs model.conditional = true")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", "label"))
    classes = len(splits["train"].classes) if cfg.model.conditional else 0
    widths = {k: v for k, v in vars(cfg.model).items() if k != "conditional"}
    model = UNet(**widths, classes=classes)
    prepare = make_prepare(cfg, classes)
    evaluate = DiffusionEvaluator(cfg, model, prepare, splits)
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


def make_prepare(cfg: Config, classes: int) -> Prepare:
    """uint8 images -> `inputs` (noised, in about [-1, 1]; time; class) and their `noise`."""
    betas = make_betas(cfg.diffusion.schedule, cfg.diffusion.steps)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = 2 * to_float(batch["image"]) - 1
        # In evaluation all rows have one key: times and noise are by place in the batch.
        made = add_noise_rows(keys, image, betas) if train else sample_timesteps(image, betas)
        if classes:
            label = batch["label"]
            if train:
                label = drop_labels(keys, label, classes, cfg.diffusion.label_dropout)
            made["inputs"]["label"] = label
        return made

    return prepare


class DiffusionEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: the loss; in `folder` samples; the judge's at the test."""

    def __init__(self, cfg: Config, model: UNet, prepare: Prepare, splits: dict[str, Split]):
        self.cfg, self.splits = cfg, splits
        self.classes = max(model.classes, 1)
        shape = splits["train"].example["image"].shape
        self.sampler = ImageSampler(model, cfg.diffusion, shape, model.classes, cfg.seed)
        self.judge = SampleEvaluator(cfg.evaluator, cfg.data)
        self.rows_of = RowEvaluator(denoising_rows(model), prepare)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The loss of every row, and at the test, where there is a judge, samples."""
        rows: dict[str, Any] = self.rows_of(state, split)
        if split is self.splits["test"] and self.cfg.evaluator.epochs:
            start = self.sampler.noise(self.cfg.evaluator.num_samples, 1)
            label = np.arange(len(start)) % self.classes
            rows["samples"] = self.sampler.make(state.variables, start, label)
        return rows

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean loss, and what the judge says of the samples."""
        measured = self.judge.measure(rows["samples"]) if "samples" in rows else {}
        return {"loss": float(rows["loss"].mean(dtype=np.float64)), **measured}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`samples.png`; at the test `chain.png`, from noise to image, `interpolation.png`."""
        save = partial(save_grid, columns=SIDE)
        variables = jax.device_get(state.variables)
        start = self.sampler.noise(SIDE * SIDE)
        label = np.arange(SIDE * SIDE) % SIDE % self.classes
        made, seen = self.sampler.chain(variables, start, label, SIDE)
        paths = [save(made, folder / "samples.png")]
        if split is not self.splits["test"]:
            return paths
        chain = np.moveaxis(np.asarray(seen[:, :SIDE]), 0, 1).reshape(-1, *self.sampler.shape)
        paths.append(save(chain, folder / "chain.png"))
        flat = np.asarray(start[: SIDE + 1]).reshape(SIDE + 1, -1)
        arcs = interpolate(flat[:-1], flat[1:], SIDE, walk="arc").reshape(-1, *self.sampler.shape)
        images = self.sampler.make(variables, arcs, np.repeat(label[:SIDE], SIDE))
        return [*paths, save(images, folder / "interpolation.png")]


if __name__ == "__main__":
    main(__file__)
