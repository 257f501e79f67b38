"""The score of a density in the plane, learned from its points: jaxdl run ring_score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, DensityData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.densities import DENSITIES
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.generative.autoencoder import Perceptron
from jaxdl.generative.langevin import draw_fields, langevin, log_density_slope, plane
from jaxdl.generative.modes import draw_points
from jaxdl.losses.score_matching import (
    denoising_score_matching,
    implicit_score_matching,
    sliced_score_matching,
)
from jaxdl.metrics.accumulate import weighted
from jaxdl.ops.augment.crop_flip import row_normal
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossOutput, Numbers, Tree

OBJECTIVES = ("denoising", "implicit", "sliced")
SAMPLES = 2000
ARROWS = 24  # a side


@dataclass(frozen=True)
class Config:
    """A density in the plane, a perceptron for its score, and how it is trained."""

    data: DataConfig = DensityData(batch_size=256)
    objective: str = "denoising"
    """denoising, implicit or sliced."""
    sigma: float = 0.2
    """Of denoising: deviation of the noise."""
    hidden: tuple[int, ...] = (128, 128)
    """Widths of the perceptron."""
    optim: OptimConfig = Adam(lr=1e-3, ema=0.99)
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights and the noise."""

    def __post_init__(self) -> None:
        check_one_of("objective", self.objective, OBJECTIVES)
        check_positive("sigma", self.sigma)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits: dict[str, Split] = load_splits(cfg.data)
    model = Perceptron(cfg.hidden, 2, jax.nn.silu)  # smooth: it is differentiated by its input

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        return {"point": batch["point"], "noise": row_normal(keys, 2)}

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        score = lambda x: model.apply({"params": params}, x)  # noqa: E731
        x, noise = batch["point"], batch["noise"]
        if cfg.objective == "denoising":
            seen: Any = score(x + cfg.sigma * noise)
            loss = denoising_score_matching(seen, noise, sigma=cfg.sigma)
        elif cfg.objective == "implicit":
            loss = implicit_score_matching(score, x)  # pyright: ignore[reportArgumentType]
        else:
            loss = sliced_score_matching(score, x, noise)  # pyright: ignore[reportArgumentType]
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    evaluate = ScoreEvaluator(cfg, model)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
        inputs="point",
    )


class ScoreEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: how far the score is from the true one; pictures."""

    def __init__(self, cfg: Config, model: Perceptron):
        self.cfg = cfg
        self.log_density = DENSITIES[cfg.data.name].log_density
        self.score = jax.jit(model.apply)
        self.walk = jax.jit(
            lambda v, start, key: langevin(
                lambda x: self.score(v, x),  # pyright: ignore
                start,
                key,
                step=0.02,
                count=500,
            )
        )

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """The learned and the true score at the first rows."""
        points = split.batch(np.arange(min(SAMPLES, split.size)))["point"]
        learned = np.asarray(self.score(jax.device_get(state.variables), points))
        return {"learned": learned, "true": log_density_slope(self.log_density, points)}

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """The mean squared distance, over the mean square of the true score."""
        error = ((rows["learned"] - rows["true"]) ** 2).sum(axis=1).mean()
        return {"score_error": float(error / (rows["true"] ** 2).sum(axis=1).mean())}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`field.png`: learned and true score; `samples.png`: Langevin walks from afar."""
        variables = jax.device_get(state.variables)
        real = split.batch(np.arange(min(SAMPLES, split.size)))["point"]
        extent = 1.2 * float(np.abs(real).max())
        points = plane(extent, ARROWS)
        fields = [np.asarray(self.score(variables, points))]
        fields.append(log_density_slope(self.log_density, points))
        figure = draw_fields(fields, points, ["learned score", "true score"], over=real[:1000])
        paths = [figure.save(folder / "field.png")]
        start_key, key = jax.random.split(jax.random.key(self.cfg.seed))
        start = jax.random.uniform(
            start_key, (SAMPLES, 2), minval=-extent, maxval=extent, dtype=jnp.float32
        )
        made = np.asarray(self.walk(variables, start, key))
        return [*paths, draw_points(made, real, "Langevin walks").save(folder / "samples.png")]


if __name__ == "__main__":
    main(__file__)
