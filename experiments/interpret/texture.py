"""Textures by Gram matrices, and pixel by pixel without a network: jaxdl run photos_texture."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.images.pictures import read_squares
from jaxdl.draw import save_image, tile_images
from jaxdl.interpret.open_network import open_network
from jaxdl.interpret.synthesis.descent import Descent, descend, loss_of
from jaxdl.interpret.synthesis.efros_leung import grow_texture
from jaxdl.interpret.synthesis.style import StyleWeights, style_objective
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers

NOISE = 0.1  # deviation of pixels in [0, 1] around the mean color, at the start


@dataclass(frozen=True)
class GrowConfig:
    """The texture without a network."""

    sample: int = 48
    """The texture is made so many pixels large a side, as the sample of this method."""
    size: int = 72
    """Pixels along a side of what is grown."""
    window: int = 11
    tolerance: float = 0.1
    """How much farther than the nearest window one may be to be drawn."""


@dataclass(frozen=True)
class Config:
    """Textures and how both ways make more of them."""

    textures: tuple[str, ...] = ("brick.png", "gravel.png", "ihc.png")
    """Files, also below JAXDL_DATA_DIR, or pictures of scikit-image."""
    size: int = 128
    """Pixels along a side of the network's textures and samples."""
    model: ModelConfig = ModelConfig(name="squeezenet1_1", weights="squeezenet1_1")
    weights: StyleWeights = StyleWeights(content="", content_weight=0.0)
    descent: Descent = Descent(steps=200, lr=0.15)
    grow: GrowConfig = GrowConfig()
    seed: int = 0
    """Of the noise that a texture starts from, and of what is drawn."""

    def __post_init__(self) -> None:
        if not self.textures:
            raise UsageError("texture: needs a texture or more")


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws a sample per row, the network's texture, the small sample and what has grown of it.

    A network's texture starts from its mean color with noise. Reports its loss as a share of the
    start's, and the seconds of both ways.
    """
    began = time.perf_counter()
    network, pixels, _ = open_network(cfg.model)
    samples = read_squares(cfg.textures, cfg.size)
    noise = np.random.default_rng(cfg.seed).normal(0, NOISE, (1, cfg.size, cfg.size, 3))
    cells: list[Host] = []
    shares = []
    seconds = {"gram": 0.0, "grown": 0.0}
    for sample in samples:
        start = time.perf_counter()
        goal = style_objective(network, cfg.weights, [pixels.values(sample[None])])
        blank = pixels.values(sample.mean((0, 1)) / 255 + noise)
        made, losses = descend(goal, blank, pixels, cfg.descent)
        shares.append(float(loss_of(goal, made)[0] / losses[0, 0]))
        middle = time.perf_counter()
        small = resize_and_center_crop(sample, (cfg.grow.sample, cfg.grow.sample))
        grown = grow_texture(
            small,
            (cfg.grow.size, cfg.grow.size),
            window=cfg.grow.window,
            tolerance=cfg.grow.tolerance,
            seed=cfg.seed,
        )
        seconds["gram"] += middle - start
        seconds["grown"] += time.perf_counter() - middle
        cells += [
            sample,
            _bytes(pixels.pictures(made)[0]),
            _framed(small, cfg),
            _framed(grown, cfg),
        ]
    save_image(tile_images(np.stack(cells), 4, border=2), run_dir / "textures.jpg")
    metrics: Numbers = {"loss_of_start": float(np.mean(shares))}
    metrics |= {f"seconds_{name}": value / len(samples) for name, value in seconds.items()}
    seconds["total"] = time.perf_counter() - began
    return report_numbers(cfg, metrics, seconds, rows=len(samples))


def _bytes(picture: Host) -> Host:
    return np.round(picture * 255).astype(np.uint8)


def _framed(picture: Host, cfg: Config) -> Host:
    """In the middle of a white square as large as the other pictures, as many times as fits."""
    scale = max(1, cfg.size // max(cfg.grow.size, cfg.grow.sample))
    large = picture.repeat(scale, 0).repeat(scale, 1)[: cfg.size, : cfg.size]
    whole = np.full((cfg.size, cfg.size, 3), 255, np.uint8)
    top, left = ((cfg.size - n) // 2 for n in large.shape[:2])
    whole[top : top + large.shape[0], left : left + large.shape[1]] = large
    return whole


if __name__ == "__main__":
    main(__file__)
