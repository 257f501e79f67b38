"""PixelCNN, gated PixelCNN, PixelRNN of images: jaxdl run mnist_pixelcnn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.binarize import binarize_held_out
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.generative.autoregressive.pixelcnn import GatedPixelCNN, PixelCNN
from jaxdl.generative.autoregressive.pixelrnn import RowLSTM
from jaxdl.generative.autoregressive.sampling import (
    from_levels,
    image_nll,
    sample_pixels,
    to_levels,
)
from jaxdl.generative.latent_walks import save_grid
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.generative import bits_per_dimension
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree

MODELS = {"pixelcnn": PixelCNN, "gated": GatedPixelCNN, "row_lstm": RowLSTM}
SIDE = 8  # images a row of a grid


@dataclass(frozen=True)
class PixelModelConfig:
    """The model's form and widths."""

    name: str = "gated"
    """pixelcnn, gated or row_lstm."""
    levels: int = 2
    """Values of a color; 2: bits, drawn anew at each step in training, once for evaluation."""
    features: int = 32
    """Channels of the layers."""
    depth: int = 6
    """Layers, or blocks."""
    kernel_size: int = 3
    """Of the kernels but the first."""
    first_kernel_size: int = 7
    """Of the first kernel."""
    mixtures: int = 0
    """Logistics whose mixture gives the levels (0: a softmax)."""
    conditional: bool = False
    """The model is given the class."""

    def __post_init__(self) -> None:
        check_one_of("model.name", self.name, MODELS)
        if not 2 <= self.levels <= 256:
            raise UsageError(f"model.levels must lie in 2..256, got {self.levels}")


@dataclass(frozen=True)
class Config:
    """Images, a model of their pixels, and how it is trained."""

    data: DataConfig = DataConfig(name="digits")
    model: PixelModelConfig = PixelModelConfig()
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the bits and the samples."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", "label"))
    if cfg.model.levels == 2:
        splits = binarize_held_out(splits)
    model = build_model(cfg.model, splits["train"])
    prepare = make_prepare(cfg.model)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        nats = image_nll(model, {"params": params}, batch)
        values = batch["values"]
        bits = nats / (values[0].size * jnp.log(2))
        return global_mean(bits), (extra, {"loss": weighted(nats), "bits": weighted(bits)})

    evaluate = PixelEvaluator(cfg, model, prepare)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="values",
    )


def build_model(cfg: PixelModelConfig, split: Split) -> Any:
    """The module of `cfg` for the split's images."""
    options = {k: v for k, v in vars(cfg).items() if k not in ("name", "conditional")}
    classes = len(split.classes) if cfg.conditional else 0
    colors = split.example["image"].shape[-1]
    return MODELS[cfg.name](colors=colors, classes=classes, **options)


def make_prepare(cfg: PixelModelConfig) -> Prepare:
    """uint8 images -> `values`, integer levels."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = batch["image"]
        if cfg.levels == 2 and train:
            values = jax.vmap(jax.random.bernoulli)(keys, to_float(image)).astype(jnp.int32)
        else:
            values = to_levels(image, cfg.levels)
        return {"values": values, "label": batch["label"]}

    return prepare


class PixelEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: nats per image, bits per dimension; in `folder` samples."""

    def __init__(self, cfg: Config, model: Any, prepare: Prepare):
        self.cfg, self.model = cfg, model
        row = lambda variables, batch: {"nats": image_nll(model, variables, batch)}  # noqa: E731
        self.rows_of = RowEvaluator(row, prepare, batch_size=64)
        self.sample = jax.jit(self._sample, static_argnames="shape")

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The nats of every row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Their mean, and that as bits."""
        nats = float(rows["nats"].mean(dtype=np.float64))
        size = split.example["image"].size
        return {"nats": nats, "bits": bits_per_dimension(nats, size)}

    def _sample(self, variables: Tree, label: Any, *, shape: tuple[int, int, int]) -> Array:
        key = jax.random.key(self.cfg.seed)
        values = sample_pixels(self.model, variables, key, (SIDE * SIDE, *shape), label=label)
        return from_levels(values, self.model.levels)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`samples.png`; of a model that is given classes, a column each."""
        classes = self.model.classes
        label = jnp.arange(SIDE * SIDE) % SIDE % classes if classes else None
        shape = split.example["image"].shape
        images = self.sample(jax.device_get(state.variables), label, shape=shape)
        return [save_grid(images, folder / "samples.png", columns=SIDE)]


if __name__ == "__main__":
    main(__file__)
