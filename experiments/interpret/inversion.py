"""What is left of a photograph at five depths of a network: jaxdl run photos_inversion."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.images.pictures import read_squares
from jaxdl.draw import save_image, tile_images
from jaxdl.interpret.network import stages_at
from jaxdl.interpret.open_network import open_network
from jaxdl.interpret.synthesis.descent import Descent, descend
from jaxdl.interpret.synthesis.inversion import inversion_of, pixel_error
from jaxdl.losses.style import feature_error
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Numbers


@dataclass(frozen=True)
class Config:
    """Photographs, a network, and the stages that are inverted."""

    photos: tuple[str, ...] = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png")
    """Files, also below JAXDL_DATA_DIR, or pictures of scikit-image."""
    size: int = 128
    """Pixels along a side."""
    model: ModelConfig = ModelConfig(name="squeezenet1_1", weights="squeezenet1_1")
    stages: tuple[str, ...] = ("conv1", "fire3", "fire5", "fire7", "fire9")
    """From the first to the last; `error_first` and `error_last` are those of the ends."""
    tv: float = 0.02
    """Weight of the total variation per value of the picture."""
    descent: Descent = Descent(steps=100, lr=0.2)
    seed: int = 0
    """Of the noise that every picture starts from."""

    def __post_init__(self) -> None:
        if len(self.stages) < 2 or not self.photos:
            raise UsageError("inversion: needs two stages or more, and a photograph")


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws a photograph per row, then what each stage knows of it; reports both errors.

    `error_STAGE` is the root mean square of pixels in [0, 1], over all photographs;
    `feature_error_STAGE` is how far the features are from those that were wanted.
    """
    began = time.perf_counter()
    network, pixels, _ = open_network(cfg.model)
    photos = read_squares(cfg.photos, cfg.size)
    images = pixels.values(photos)
    noise = 0.1 * jax.random.normal(jax.random.key(cfg.seed), images.shape)
    found, metrics = [photos / 255], {}
    for stage in cfg.stages:
        goal = inversion_of(network, images, stage, tv=cfg.tv)
        inverted, _ = descend(goal, noise, pixels, cfg.descent)
        found.append(pixels.pictures(inverted))
        metrics[f"error_{stage}"] = mean_error(found[-1], found[0])
        away = feature_error(stages_at(network, inverted, (stage,))[stage], goal.features)
        metrics[f"feature_error_{stage}"] = float(np.mean(away))
    ends: Numbers = {
        "error_first": metrics[f"error_{cfg.stages[0]}"],
        "error_last": metrics[f"error_{cfg.stages[-1]}"],
        "error_gray": mean_error(pixels.pictures(0 * images), found[0]),
    }
    rows = np.stack(found, 1).reshape(-1, *photos.shape[1:])
    save_image(tile_images(rows, len(found), border=2), run_dir / "inversion.jpg")
    seconds = {"total": time.perf_counter() - began}
    return report_numbers(cfg, ends | metrics, seconds, rows=len(photos))


def mean_error(pictures: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square over all pictures."""
    return float(np.sqrt(np.mean(np.square(pixel_error(pictures, truth)))))


if __name__ == "__main__":
    main(__file__)
