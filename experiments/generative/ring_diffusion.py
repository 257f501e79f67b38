"""Diffusion of points in the plane, with its scores drawn as arrows: jaxdl run ring_diffusion."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, DensityData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.generative.denoising import (
    add_noise_rows,
    denoising_loss,
    denoising_rows,
    sample_timesteps,
)
from jaxdl.generative.diffusion import (
    DiffusionConfig,
    alpha_bars,
    make_betas,
    sample,
    score_from_noise,
)
from jaxdl.generative.langevin import draw_fields, plane
from jaxdl.generative.modes import LEAST, RADIUS, draw_points, mode_centers
from jaxdl.generative.unet import MLPDenoiser
from jaxdl.metrics.generative import mode_coverage
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Key, Numbers, Prepare, Tree

SAMPLES = 4000
SHOWN = (0.02, 0.2, 0.5)  # parts of the process at which the field is drawn
EXTENT, ARROWS = 6.0, 24


@dataclass(frozen=True)
class Config:
    """A density in the plane, a perceptron, a noise process, and how the net is trained."""

    data: DataConfig = DensityData(batch_size=256)
    hidden: tuple[int, ...] = (128, 128, 128)
    """Widths of the perceptron."""
    scale: float = 0.35
    """What points are multiplied by, so that their deviation is about one."""
    diffusion: DiffusionConfig = DiffusionConfig(steps=200, sample_steps=200, eta=1.0)
    optim: OptimConfig = Adam(lr=1e-3, ema=0.99)
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights and the noise."""

    def __post_init__(self) -> None:
        check_positive("scale", self.scale)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data)
    model = MLPDenoiser(cfg.hidden)
    prepare = make_prepare(cfg)
    evaluate = RingDiffusionEvaluator(cfg, model, prepare)
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
    """Points -> `inputs` (noised, and the time) and their `noise`."""
    betas = make_betas(cfg.diffusion.schedule, cfg.diffusion.steps)

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        x = batch["point"] * cfg.scale
        return add_noise_rows(keys, x, betas) if train else sample_timesteps(x, betas)

    return prepare


class RingDiffusionEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: modes that samples fall on; pictures in `folder`."""

    def __init__(self, cfg: Config, model: MLPDenoiser, prepare: Prepare):
        self.cfg, self.model = cfg, model
        self.betas = make_betas(cfg.diffusion.schedule, cfg.diffusion.steps)
        self.rows_of = RowEvaluator(denoising_rows(model), prepare)
        self.program = jax.jit(self._sample)
        self.noise = jax.jit(self._noise)

    def _noise(self, variables: Tree, x: Array, time: Array) -> Array:
        made: Any = self.model.apply(variables, {"x": x, "time": time}, train=False)
        return made

    def _sample(self, variables: Tree, key: Key) -> Array:
        start_key, key = jax.random.split(key)
        start = jax.random.normal(start_key, (SAMPLES, 2), jnp.float32)
        denoise = lambda x, time: self._noise(variables, x, time)  # noqa: E731
        how = self.cfg.diffusion
        made, _ = sample(denoise, self.betas, start, key, count=how.sample_steps, eta=how.eta)
        return made / self.cfg.scale

    def make(self, variables: Tree) -> Any:
        """Samples `(SAMPLES, 2)`."""
        key = jax.random.key(self.cfg.seed)
        return np.asarray(self.program(jax.device_get(variables), key))

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The loss of every row, and samples."""
        return {**self.rows_of(state, split), "samples": self.make(state.variables)}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean loss, and the modes that the samples fall on."""
        centers = mode_centers(split)
        covered = mode_coverage(rows["samples"], centers, radius=RADIUS, least=LEAST)
        return {"loss": float(rows["loss"].mean(dtype=np.float64)), **covered}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`samples.png` over the data, `field.png`: the scores at three times."""
        made, variables = self.make(state.variables), jax.device_get(state.variables)
        real = split.batch(np.arange(min(SAMPLES, split.size)))["point"]
        paths = [draw_points(made, real, "diffusion: samples").save(folder / "samples.png")]
        points = plane(EXTENT, ARROWS)
        bars = alpha_bars(self.betas)
        fields, titles = [], []
        for part in SHOWN:
            t = int(part * len(bars))
            shrunk = points * self.cfg.scale * np.sqrt(bars[t])
            time = jnp.full(len(points), t)
            noise = self.noise(variables, jnp.asarray(shrunk, jnp.float32), time)
            fields.append(np.asarray(score_from_noise(noise, jnp.full(len(points), bars[t]))))
            titles.append(f"score, t = {t} of {len(bars)}")
        figure = draw_fields(fields, points, titles, over=real[:1000])
        return [*paths, figure.save(folder / "field.png")]


if __name__ == "__main__":
    main(__file__)
