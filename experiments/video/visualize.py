"""Clips that a trained network takes for each class: jaxdl run moving_classes --source RUN.

Change between frames and roughness within one are held down by weights of their own, so that the
same class is shown as it moves slowly and as it may move fast (Feichtenhofer et al. 2018, arXiv
1801.01415).
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, unknown
from jaxdl.cli import main
from jaxdl.data.synthetic.moving_shapes import MOTIONS
from jaxdl.experiment import read_run_alone
from jaxdl.interpret.network import Network, stages_at
from jaxdl.interpret.open_network import Pixels
from jaxdl.interpret.synthesis.ascent import Ascent, climb
from jaxdl.runs.results import Report
from jaxdl.say import say_once
from jaxdl.training.report import report_numbers
from jaxdl.typing import Numbers
from jaxdl.video.draw_clips import draw_clips
from jaxdl.video.models.fusion import SlowFusion


@dataclass(frozen=True)
class Config:
    """A trained network, and how its clips are made."""

    source: str = ""
    """Folder of a run of video.classification; none: a network of random weights."""
    classes: tuple[str, ...] = ()
    """Those that are shown (default: all)."""
    motion: tuple[float, ...] = (0.0, 0.01)
    """Weights of squared differences between frames; for each a clip of every class."""
    appearance: float = 0.005
    """Weight of squared differences between neighbors in a frame."""
    ascent: Ascent = Ascent(steps=150, lr=2.0, penalty=0.0, jitter=2, blur_every=0)
    """Its smooth is set from the two above."""
    noise: float = 0.1
    """Deviation of the first clip, in the network's values."""
    seed: int = 0
    """Of the first clip and the jitter."""

    def __post_init__(self) -> None:
        if self.ascent.smooth:
            raise UsageError("ascent.smooth: set motion and appearance in its place")
        if not self.motion or min(*self.motion, self.appearance) < 0:
            raise UsageError(
                f"motion and appearance must be >= 0, motion one number or more, got {self.motion} "
                f"and {self.appearance}"
            )


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws `motion<weight>.png`; reports how sure the network is and how much the clips change."""
    began = time.perf_counter()
    network, pixels, classes, shape = opened(cfg.source)
    for name in cfg.classes:
        if name not in classes:
            raise unknown("class", name, classes)
    chosen = cfg.classes or classes
    target = np.array([classes.index(name) for name in chosen])
    key = jax.random.key(cfg.seed)
    start = cfg.noise * jax.random.normal(key, (len(chosen), *shape), jnp.float32)
    metrics: Numbers = {}
    for weight in cfg.motion:
        how = replace(cfg.ascent, smooth=(weight, cfg.appearance, cfg.appearance))
        clips = climb(network, start, target, pixels, how, key=jax.random.key(cfg.seed + 1))
        chances = jax.nn.softmax(stages_at(network, clips, ("logits",))["logits"])
        chances = np.asarray(chances)[np.arange(len(target)), target]
        pictures = pixels.pictures(clips)
        metrics[f"probability_motion{weight:g}"] = float(chances.mean())
        metrics[f"change_motion{weight:g}"] = float(np.abs(np.diff(pictures, axis=1)).mean())
        titles = [f"{name}, {chance:.0%}" for name, chance in zip(chosen, chances, strict=True)]
        strips = list((255 * pictures).round().astype(np.uint8))
        draw_clips(strips, titles).save(run_dir / f"motion{weight:g}.png")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(chosen) * len(cfg.motion))


def opened(source: str) -> tuple[Network, Pixels, tuple[str, ...], tuple[int, ...]]:
    """The network, its values of pixels, its classes and the shape of its clips."""
    if not source:
        say_once("source: no run is named, so that the network's weights are random")
        model, shape = SlowFusion(len(MOTIONS)), (8, 32, 32, 3)
        variables = jax.jit(lambda key: model.init(key, jnp.zeros((1, *shape)), train=False))(
            jax.random.key(0)
        )
        return Network(variables, model), Pixels((0.3,) * 3, (0.2,) * 3), tuple(MOTIONS), shape
    _, found = read_run_alone(Path(source))
    split, cfg = found.task.splits["train"], found.cfg
    if "video" not in split.example or cfg.model.name == "two_stream":
        raise UsageError(f"source {source}: must be a run of clips of colors alone; train another")
    mean, std = (tuple(np.broadcast_to(v, 3).tolist()) for v in (cfg.mean, cfg.std))
    model: Any = found.task.model
    network = Network(found.state.variables, model)
    return network, Pixels(mean, std), tuple(split.classes), split.example["video"].shape


if __name__ == "__main__":
    main(__file__)
