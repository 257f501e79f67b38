"""Depth from a stereo pair by block matching, turned into points: jaxdl run aloe_stereo."""

import time
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError, check_positive
from jaxdl.cli import main
from jaxdl.data.files.own_path import find_path
from jaxdl.data.images.decode import decode_image
from jaxdl.data.meshes.ply import ply_bytes
from jaxdl.draw import draw_grid
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host
from jaxdl.vision3d.camera import intrinsics, unproject
from jaxdl.vision3d.stereo import depth_of_disparity, match_stereo


@dataclass(frozen=True)
class Config:
    """A rectified pair and its true disparities; files are also looked for below JAXDL_DATA_DIR."""

    left: str = "stereo_flow_style/aloe_left.jpg"
    """What the left eye sees."""
    right: str = "stereo_flow_style/aloe_right.jpg"
    """What the right eye sees."""
    truth: str = "stereo_flow_style/aloe_disparity_x2.png"
    """Gray values, `truth_scale` for each pixel of disparity, 0 where it is not known."""
    truth_scale: float = 2.0
    """Gray values for one pixel."""
    most: int = 110
    """Largest disparity that is tried, in pixels."""
    window: int = 9
    """Pixels to a side of the blocks, odd."""
    wrong: float = 2.0
    """A pixel that is off by more than so many is wrong."""
    focal: float = 1.0
    """Focal length over the picture's width; it only stretches the points along z."""

    def __post_init__(self) -> None:
        check_positive("truth_scale", self.truth_scale)
        check_positive("focal", self.focal)


def run(cfg: Config, run_dir: Path) -> Report:
    """Matches, measures, draws `stereo.png` and writes `points.ply`."""
    began = time.perf_counter()
    left, right = (decode_image(find_path(name)) for name in (cfg.left, cfg.right))
    truth = decode_image(find_path(cfg.truth), channels=1)[..., 0] / cfg.truth_scale
    if truth.shape != left.shape[:2]:
        raise DataError(f"{cfg.truth} is {truth.shape}, {cfg.left} {left.shape[:2]} pixels")
    seconds = {"read": time.perf_counter() - began}
    began = time.perf_counter()
    eyes = (jnp.asarray(eye, jnp.float32) for eye in (left, right))
    found = match_stereo(*eyes, most=cfg.most, window=cfg.window)
    pixels, sure = np.asarray(found.pixels), np.asarray(found.sure)
    seconds["match"] = time.perf_counter() - began
    seconds["total"] = sum(seconds.values())
    focal = cfg.focal * left.shape[1]
    depth = np.where(sure, depth_of_disparity(found.pixels, focal=focal), 0)
    camera = intrinsics(*left.shape[:2], focal=focal)
    points = np.asarray(unproject(jnp.asarray(depth), camera))
    draw(left, pixels, sure, truth, run_dir / "stereo.png")
    there = depth > 0
    cloud = ply_bytes(points[there], np.zeros((0, 3), int), left[there])
    (run_dir / "points.ply").write_bytes(cloud)
    return report_numbers(cfg, scores(cfg, pixels, sure, truth), seconds, rows=1)


def scores(cfg: Config, pixels: Host, sure: Host, truth: Host) -> dict[str, float]:
    """Shares of wrong pixels among those of known disparity, of all and of the sure ones."""
    known = truth > 0
    wrong = abs(pixels - truth) > cfg.wrong
    return {
        "test_wrong": float(wrong[known].mean()),
        "test_wrong_of_sure": float(wrong[known & sure].mean()),
        "test_sure": float(sure[known].mean()),
    }


def draw(left: Host, pixels: Host, sure: Host, truth: Host, path: Path) -> None:
    """The picture, disparities found, the sure ones and the true ones."""
    shades = [(d / truth.max()).clip(0, 1)[..., None] for d in (pixels, pixels * sure, truth)]
    titles = ("left", "disparity found", "where both eyes agree", "disparity")
    draw_grid([left, *shades], titles, columns=4, cell=2.2).save(path)


if __name__ == "__main__":
    main(__file__)
