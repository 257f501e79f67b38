"""Pictures that classes, channels and directions like best: jaxdl run imagenet_classes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.draw import save_image, tile_images
from jaxdl.interpret.network import Target, scores, stages_at
from jaxdl.interpret.open_network import Opened, open_network
from jaxdl.interpret.synthesis.ascent import Ascent, climb
from jaxdl.interpret.synthesis.targets import Channel, Direction
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Numbers


@dataclass(frozen=True)
class Config:
    """A network, what of it is shown, and the ascent."""

    model: ModelConfig = ModelConfig(name="squeezenet1_1", weights="squeezenet1_1")
    size: int = 112
    """Pixels along a side."""
    classes: tuple[int, ...] = (130, 301, 107)
    """Each is shown from zeros and from noise."""
    stage: str = "fire7"
    channels: tuple[int, ...] = (5, 83)
    """Of the stage: the mean of each over all positions, and their sum as a direction."""
    ascent: Ascent = Ascent()
    seed: int = 0
    """Of noise and jitter."""

    def __post_init__(self) -> None:
        if not self.classes:
            raise UsageError("visualize: needs a class or more")


class Shown(NamedTuple):
    """One row of pictures: what for, from which starts."""

    name: str
    target: Target
    start: Array


def rows_of(cfg: Config, opened: Opened) -> Iterator[Shown]:
    """The rows of the sheet: classes from zeros, from noise, channels and their direction."""
    zeros = jnp.zeros((len(cfg.classes), cfg.size, cfg.size, 3))
    noise = jax.random.normal(jax.random.key(cfg.seed), zeros.shape)
    classes = np.array(cfg.classes)
    yield Shown("zeros", classes, zeros)
    yield Shown("noise", classes, noise)
    for channel in cfg.channels:
        yield Shown(f"channel{channel}", Channel(cfg.stage, channel), noise[:1])
    if len(cfg.channels) > 1:
        width = jax.eval_shape(opened.network, noise[:1])[cfg.stage].shape[-1]
        vector = tuple(float(i in cfg.channels) for i in range(width))
        yield Shown("direction", Direction(cfg.stage, vector), noise[:1])


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws the sheet; reports each target's score before and after, and classes' probabilities."""
    began = time.perf_counter()
    opened = open_network(cfg.model)
    network, pixels, names = opened
    metrics: Numbers = {}
    pictures: list[Host] = []
    for name, target, start in rows_of(cfg, opened):
        key = jax.random.key(cfg.seed + 1)
        end = climb(network, start, target, pixels, cfg.ascent, key=key)
        metrics[f"score_before_{name}"] = float(scores(network, start, target).mean())
        metrics[f"score_after_{name}"] = float(scores(network, end, target).mean())
        if not callable(target):
            chances = jax.nn.softmax(stages_at(network, end, ("logits",))["logits"])
            metrics[f"probability_{name}"] = float(chances[np.arange(len(end)), target].mean())
        pictures.extend(pixels.pictures(end))
    sheet = tile_images(np.stack(pictures), len(cfg.classes), border=2)
    save_image(sheet, run_dir / "classes.jpg")
    print(", ".join(names[c] for c in cfg.classes))
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(pictures))


if __name__ == "__main__":
    main(__file__)
