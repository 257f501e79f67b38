"""DeepDream, a photograph at several stages: jaxdl run photos_dream."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.images.pictures import read_squares
from jaxdl.draw import save_image, tile_images
from jaxdl.interpret.network import scores
from jaxdl.interpret.open_network import open_network
from jaxdl.interpret.synthesis.deep_dream import Dream, deep_dream
from jaxdl.interpret.synthesis.targets import Energy
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Numbers


@dataclass(frozen=True)
class Config:
    """A photograph, a network, and the stages that dream."""

    photo: str = "rocket.jpg"
    """A file, also below JAXDL_DATA_DIR, or a picture of scikit-image."""
    size: int = 256
    """Pixels along a side."""
    model: ModelConfig = ModelConfig(name="mobilenet_v2", weights="mobilenet_v2")
    stages: tuple[str, ...] = ("stage3", "stage5", "stage6")
    """Each is a picture."""
    dream: Dream = Dream()
    seed: int = 0
    """Of the jitter."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise UsageError("dream: needs a stage or more")


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws the photograph and its dreams; reports how many times sum f^2 has grown."""
    began = time.perf_counter()
    network, pixels, _ = open_network(cfg.model)
    photo = read_squares((cfg.photo,), cfg.size)
    images = pixels.values(photo)
    metrics: Numbers = {}
    found = [photo / 255]
    for stage in cfg.stages:
        target, key = Energy(stage), jax.random.key(cfg.seed)
        dream = deep_dream(network, images, target, pixels, cfg.dream, key=key)
        before, after = (float(scores(network, x, target)[0]) for x in (images, dream))
        metrics[f"growth_{stage}"] = after / before
        found.append(pixels.pictures(dream))
    sheet = tile_images(np.concatenate(found), min(3, len(found)), border=2)
    save_image(sheet, run_dir / "dream.jpg")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, metrics, seconds, rows=len(found) - 1)


if __name__ == "__main__":
    main(__file__)
