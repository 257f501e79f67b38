"""GAN, LSGAN, WGAN-GP, with perceptrons or convolutions: jaxdl run mnist_gan, mnist_dcgan, ..."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.generative.gan.networks import (
    DCDiscriminator,
    DCGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from jaxdl.generative.gan.stylegan import StyleGenerator
from jaxdl.generative.gan.task import GAN, GANConfig, draw_noise, gan_task, network_variables
from jaxdl.generative.latent_walks import interpolate, save_grid
from jaxdl.generative.sample_evaluator import SampleEvaluator, SampleEvaluatorConfig
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Array, Batch, Key, Numbers, Tree

MODELS = ("mlp", "dcgan", "style")
SIDE = 10  # images a row of a grid
BATCH = 256


@dataclass(frozen=True)
class GANModelConfig:
    """The two networks."""

    name: str = "mlp"
    """mlp, dcgan, or style: a generator with a mapping network and adaptive instance norm."""
    conditional: bool = False
    """Both networks are given the class."""
    generator_hidden: tuple[int, ...] = (1024, 1024)
    """Of mlp: widths of the generator."""
    discriminator_hidden: tuple[int, ...] = (256, 256)
    """Of mlp: widths of the discriminator."""
    width: int = 1024
    """Of dcgan: width of the generator's first layer; of style: of its mapping."""
    features: tuple[int, int] = (128, 64)
    """Channels of the convolutional generators; the critic's are half the second, the second."""
    attention: bool = False
    """Of dcgan: a self-attention layer in both."""
    norm: str = "batch"
    """Of dcgan: the generator's normalization (batch_sync: over all devices)."""

    def __post_init__(self) -> None:
        check_one_of("model.name", self.name, MODELS)
        if self.attention and self.name != "dcgan":
            raise UsageError("model.attention needs model.name = dcgan")


@dataclass(frozen=True)
class Config:
    """Images, two networks, the rules of their game, and how they are trained."""

    data: DataConfig = DataConfig(name="digits", batch_size=128)
    model: GANModelConfig = GANModelConfig()
    gan: GANConfig = GANConfig()
    optim: OptimConfig = Adam(lr=1e-3, b1=0.5)
    loop: LoopConfig = LoopConfig(epochs=10)
    evaluator: SampleEvaluatorConfig = SampleEvaluatorConfig()
    seed: int = 0
    """Of the initial weights and the noise."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data, fields=("image", "label"))
    game = build_game(cfg, splits["train"])
    evaluate = GANEvaluator(cfg, game, splits)
    return gan_task(
        game,
        splits,
        partial(prepare, cfg.model.conditional),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        report=evaluate.judge.report,
    )


def prepare(conditional: bool, keys: Key, batch: Batch, *, train: bool) -> Batch:
    """uint8 images -> `real` in [-1, 1]."""
    real = {"real": 2 * to_float(batch["image"]) - 1}
    return {**real, "label": batch["label"]} if conditional else real


def build_game(cfg: Config, split: Split) -> GAN:
    """The networks of `cfg` for the split's images."""
    shape, model = split.example["image"].shape, cfg.model
    classes = len(split.classes) if model.conditional else 0
    if model.name == "mlp":
        generator = MLPGenerator(shape, model.generator_hidden, classes)
        return GAN(
            generator, MLPDiscriminator(model.discriminator_hidden, classes=classes), cfg.gan
        )
    first, second = model.features
    if model.name == "style":
        features = (first, first, second)
        generator = StyleGenerator(shape, model.width, features=features, classes=classes)
    else:
        generator = DCGenerator(
            shape, model.width, model.features, classes, model.attention, norm_layer(model.norm)
        )
    discriminator = DCDiscriminator(
        (second // 2, second), classes=classes, attention=model.attention
    )
    return GAN(generator, discriminator, cfg.gan)


class GANEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: in `folder` samples and a walk; the judge's at the test."""

    def __init__(self, cfg: Config, game: GAN, splits: dict[str, Split]):
        self.cfg, self.game, self.splits = cfg, game, splits
        self.classes = len(splits["train"].classes)
        self.judge = SampleEvaluator(cfg.evaluator, cfg.data)
        self.program = jax.jit(self._make)

    def _make(self, variables: Tree, z: Array, label: Array) -> Array:
        made: Any = self.game.generator.apply(
            network_variables(variables, "g"), z, label, train=False
        )
        return (made + 1) / 2

    def make(self, variables: Tree, z: Any, label: Any = None) -> Any:
        """Noise `(N, Z)` and, of a conditional model, classes -> images in [0, 1]."""
        variables, z = jax.device_get(variables), np.asarray(z)
        label = np.asarray(np.arange(len(z)) % self.classes if label is None else label)
        return apply_in_batches(
            lambda rows: self.program(variables, z[rows], label[rows]), len(z), BATCH
        )

    def noise(self, count: int, seed: int = 0) -> Any:
        """The same rows at every call."""
        return draw_noise(jax.random.split(jax.random.key(seed), count), self.cfg.gan)

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Noise and the samples that are made of it, at the test, where there is a judge."""
        if split is not self.splits["test"] or not self.cfg.evaluator.epochs:
            return {}
        z = self.noise(self.cfg.evaluator.num_samples, 1)
        return {"z": z, "samples": self.make(state.variables, z)}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """What the judge says of the samples."""
        return self.judge.measure(rows["samples"]) if rows else {}

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """Those of `draw`, and at the test `arithmetic.png`."""
        self.draw(state, split, folder)
        if rows and not self.cfg.model.conditional:
            self.draw_arithmetic(state.variables, rows["z"], rows["samples"], folder)

    def draw_arithmetic(self, variables: Tree, z: Any, samples: Any, folder: Path) -> Path:
        """`arithmetic.png`, a row: class a, minus b, plus c, and what that gives.

        Each is made of the mean noise of the three samples that the judge is surest of (Radford et
        al. 2015, section 6.3.2).
        """
        _, shares = self.judge.look(samples)
        means = np.stack([np.asarray(z)[rows].mean(axis=0) for rows in surest(shares, 3)])
        triples = [(a, (a + 3) % self.classes, (a + 5) % self.classes) for a in range(SIDE)]
        triples = np.array(triples) % self.classes
        a, b, c = means[triples.T]
        codes = np.stack([a, b, c, a - b + c], axis=1).reshape(-1, means.shape[1])
        return save_grid(self.make(variables, codes), folder / "arithmetic.png", columns=4)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`samples.png`, one column per class where there are classes, and `interpolation.png`."""
        variables = state.variables
        paths = [
            save_grid(
                self.make(variables, self.noise(SIDE * SIDE)), folder / "samples.png", columns=SIDE
            )
        ]
        z = self.noise(SIDE + 1)
        walk = "arc" if self.cfg.gan.latent_distribution == "normal" else "line"
        codes = interpolate(z[:-1], z[1:], SIDE, walk=walk).reshape(SIDE * SIDE, -1)
        label = np.repeat(np.arange(SIDE) % self.classes, SIDE)
        images = self.make(variables, codes, label)
        return [*paths, save_grid(images, folder / "interpolation.png", columns=SIDE)]


def surest(shares: Any, count: int) -> Any:
    """The `count` rows that have the largest share of each class: `(N, K)` -> `(K, count)`."""
    return np.argsort(-shares, axis=0, kind="stable")[:count].T


if __name__ == "__main__":
    main(__file__)
