"""Optical flow on pairs whose flow is known, and on a filmed one: jaxdl run flow_pairs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.images.pictures import find_picture
from jaxdl.draw import draw_grid
from jaxdl.runs.results import Report
from jaxdl.say import say_once
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host
from jaxdl.video.flow.color_wheel import draw_flow, key_picture
from jaxdl.video.flow.foreign import METHODS, foreign_flow
from jaxdl.video.flow.horn_schunck import horn_schunck
from jaxdl.video.flow.lucas_kanade import lucas_kanade
from jaxdl.video.flow.made_pairs import KINDS, make_pair
from jaxdl.video.flow.warp import endpoint_error, stays_inside, warp

Made = tuple[Host, Host, Host]  # first, second, the flow between them


@dataclass(frozen=True)
class Config:
    """Pictures, the moves they are shown with, and who looks for them."""

    pictures: tuple[str, ...] = (
        "stereo_flow_style/rubberwhale1.png",
        "stereo_flow_style/aloe_left.jpg",
        "stereo_flow_style/starry_night.jpg",
    )
    """What pairs are made of: files, also below JAXDL_DATA_DIR, or pictures of scikit-image."""
    filmed: tuple[str, ...] = (
        "stereo_flow_style/rubberwhale1.png",
        "stereo_flow_style/rubberwhale2.png",
    )
    """Two pictures of a film, whose flow is drawn (none: nothing is drawn of it)."""
    kinds: tuple[str, ...] = KINDS
    """The flows."""
    most: float = 8.0
    """Pixels of the longest move."""
    image_size: tuple[int, int] = (192, 256)
    """Height and width of the pairs."""
    others: tuple[str, ...] = tuple(METHODS)
    """What of OpenCV and scikit-image looks for them, too; left out where it is not installed."""

    def __post_init__(self) -> None:
        check_positive("most", self.most)
        if not (self.pictures and self.kinds) or len(self.filmed) not in (0, 2):
            raise UsageError("flow_pairs: give pictures and kinds, and none or two of filmed")
        for kind in self.kinds:
            check_one_of("kinds", kind, KINDS)
        for name in self.others:
            check_one_of("others", name, METHODS)


def find_lucas_kanade(first: Host, second: Host) -> Host:
    """`lucas_kanade` of one pair."""
    return np.asarray(lucas_kanade(jnp.asarray(first[None]), jnp.asarray(second[None]))[0])


def find_horn_schunck(first: Host, second: Host) -> Host:
    """`horn_schunck` of one pair."""
    return np.asarray(horn_schunck(jnp.asarray(first[None]), jnp.asarray(second[None]))[0])


OURS = {"lucas_kanade": find_lucas_kanade, "horn_schunck": find_horn_schunck}


def run(cfg: Config, run_dir: Path) -> Report:
    """Measures, and draws `pairs.png` and `filmed.png`.

    The errors are means over all pixels, and `..._inside` over those that stay in the picture.
    """
    began = time.perf_counter()
    made = make_pairs(cfg)
    seconds, numbers = {"read": time.perf_counter() - began}, {}
    found: dict[str, list[Host]] = {}
    for name, method in {**OURS, **others(cfg)}.items():
        try:
            method(*made[0][:2])  # compiled before the clock runs
        except UsageError as error:
            say_once(f"flow_pairs: {name} is left out: {error}")
            continue
        began = time.perf_counter()
        found[name] = [method(first, second) for first, second, _ in made]
        seconds[name] = time.perf_counter() - began
        numbers |= scores(name, found[name], [truth for _, _, truth in made])
        numbers[f"{name}_seconds_per_pair"] = seconds[name] / len(made)
    draw_pairs(cfg, made, found, run_dir / "pairs.png")
    if cfg.filmed:
        numbers |= film(cfg.filmed, run_dir / "filmed.png")
    seconds["total"] = sum(seconds.values())
    return report_numbers(cfg, numbers, seconds, rows=len(made))


def others(cfg: Config) -> dict[str, Callable[[Host, Host], Host]]:
    """Those of other libraries."""

    def bound(name: str) -> Callable[[Host, Host], Host]:
        return lambda first, second: foreign_flow(name, first, second)

    return {name: bound(name) for name in cfg.others}


def make_pairs(cfg: Config) -> list[Made]:
    """Every picture with every flow."""
    margin = 2 * int(np.ceil(cfg.most))
    size = (cfg.image_size[0] + margin, cfg.image_size[1] + margin)
    pictures = [resize_and_center_crop(decode_image(find_picture(p)), size) for p in cfg.pictures]
    return [make_pair(picture, kind, most=cfg.most) for picture in pictures for kind in cfg.kinds]


def scores(name: str, found: Sequence[Host], truths: Sequence[Host]) -> dict[str, float]:
    """Mean end-point errors, in pixels."""
    flow, truth = jnp.stack(found), jnp.stack(truths)
    error, inside = np.asarray(endpoint_error(flow, truth)), np.asarray(stays_inside(truth))
    return {
        f"test_{name}_error": float(error.mean()),
        f"test_{name}_error_inside": float(error[inside].mean()),
    }


def film(names: Sequence[str], path: Path) -> dict[str, float]:
    """Draws the flow of a filmed pair and how well it fetches the first picture back."""
    first, second = ((decode_image(find_picture(name)) / 255).astype(np.float32) for name in names)
    cells = [(first, "first"), (second, "second"), (key_picture(256), "hue: where to")]
    off = {"as_filmed": float(np.abs(second - first).mean())}
    cells.append((shade(second - first), "difference"))
    for name, method in OURS.items():
        flow = method(first, second)
        back = np.asarray(warp(jnp.asarray(second[None]), jnp.asarray(flow[None]))[0])
        off[name] = float(np.abs(back - first).mean())
        longest = float(np.linalg.norm(flow, axis=-1).max())
        cells += [
            (draw_flow(flow), f"{name}, to {longest:.1f} pixels"),
            (np.clip(back, 0, 1), "second, warped back"),
            (shade(back - first), f"difference, mean {off[name]:.4f}"),
        ]
    draw_grid([c[0] for c in cells], [c[1] for c in cells], columns=5, cell=2.2).save(path)
    return {f"filmed_difference_{name}": value for name, value in off.items()}


def shade(difference: Host) -> Host:
    """Gray is no difference."""
    return np.clip(0.5 + 2 * difference.mean(axis=-1, keepdims=True), 0, 1)


def draw_pairs(cfg: Config, made: Sequence[Made], found: dict[str, list[Host]], path: Path) -> None:
    """The first picture's pairs: what is seen, the true flow, and those found."""
    cells, titles = [], []
    for i in range(len(cfg.kinds)):
        first, _, truth = made[i]
        cells += [first, draw_flow(truth, most=1.1 * cfg.most)]
        titles += [cfg.kinds[i], "true"]
        for name, flows in found.items():
            error = np.linalg.norm(flows[i] - truth, axis=-1).mean()
            cells.append(draw_flow(flows[i], most=1.1 * cfg.most))
            titles.append(f"{name}\n{error:.2f} px")
    draw_grid(cells, titles, columns=2 + len(found), cell=1.5).save(path)


if __name__ == "__main__":
    main(__file__)
