"""A plain GAN on points in the plane: which modes of a ring it finds. jaxdl run ring_gan."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.cli import main
from jaxdl.data.config import DataConfig, DensityData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.generative.gan.networks import MLPDiscriminator, MLPGenerator
from jaxdl.generative.gan.task import GAN, GANConfig, draw_noise, gan_task
from jaxdl.generative.modes import LEAST, RADIUS, draw_points, mode_centers
from jaxdl.metrics.generative import mode_coverage
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Batch, Key, Numbers, Tree

SAMPLES = 4000


@dataclass(frozen=True)
class Config:
    """A density in the plane, two perceptrons, and how they are trained."""

    data: DataConfig = DensityData(batch_size=256)
    hidden: tuple[int, ...] = (128, 128)
    """Widths of both networks."""
    gan: GANConfig = GANConfig(latent_dim=2, latent_distribution="normal")
    optim: OptimConfig = Adam(lr=1e-3, b1=0.5)
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights and the noise."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data)
    generator = MLPGenerator((2,), cfg.hidden, bounded=False)
    game = GAN(generator, MLPDiscriminator(cfg.hidden), cfg.gan)
    evaluate = RingGANEvaluator(cfg, game)
    return gan_task(
        game,
        splits,
        prepare,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )


def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
    """A point is what is imitated."""
    return {"real": batch["point"]}


class RingGANEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: modes that samples fall on; in `folder` a picture."""

    def __init__(self, cfg: Config, game: GAN):
        self.cfg, self.game = cfg, game
        self.program = jax.jit(partial(game.generator.apply, train=False))

    def make(self, variables: Tree) -> Any:
        """Samples `(SAMPLES, 2)`."""
        z = draw_noise(jax.random.split(jax.random.key(0), SAMPLES), self.cfg.gan)
        params = jax.device_get(variables["params"]["g"])
        return np.asarray(self.program({"params": params}, z))

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Samples."""
        return {"samples": self.make(state.variables)}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The modes that they fall on."""
        return mode_coverage(rows["samples"], mode_centers(split), radius=RADIUS, least=LEAST)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`samples.png`, over the data."""
        real = split.batch(np.arange(min(SAMPLES, split.size)))["point"]
        figure = draw_points(self.make(state.variables), real, f"{self.game.game.loss}: samples")
        return [figure.save(folder / "samples.png")]


if __name__ == "__main__":
    main(__file__)
