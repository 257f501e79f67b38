"""Photographs that a network takes for something else: jaxdl run photos_attack.

Each is moved towards a class until it is predicted; then one change is learned for all photographs
of a folder, and tried on others. Changes are shown magnified: as they are, they are hardly seen.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_at_least, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, FolderData
from jaxdl.data.images.pictures import read_squares
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.interpret.network import stages_at
from jaxdl.interpret.open_network import Opened, open_network
from jaxdl.interpret.subjects import find_class
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.models.registry import ModelConfig
from jaxdl.ops.attack import towards_class, universal
from jaxdl.runs.results import Report
from jaxdl.training.report import report_numbers
from jaxdl.typing import Array, Host, Numbers

GROUP = 20
STEP = 0.2  # of the radius: a step of the change for all
MOST_LOSS = 3.0  # of a picture; without a limit those that are fooled already lead the change


@dataclass(frozen=True)
class Config:
    """Photographs, a network and a class; a folder for the change that is one for all."""

    photos: tuple[str, ...] = ("chelsea.png", "coffee.png", "rocket.jpg")
    """Files, also below JAXDL_DATA_DIR, or pictures of scikit-image."""
    size: int = 112
    """Pixels along a side."""
    model: ModelConfig = ModelConfig(name="squeezenet1_1", weights="squeezenet1_1")
    target: str = "flamingo"
    """The class that photographs are moved towards, by its name or its number."""
    rate: float = 0.2
    """Euclidean length of a step, of pixels in [0, 1]; about 1 in standardized values."""
    most: int = 100
    """Steps, where the class is not predicted before."""
    data: DataConfig = FolderData(path="hymenoptera.tar", image_size=(112,))
    """Learns the change for all from its train split, and tries it on its test split."""
    epsilon: float = 0.04
    """The largest change of a pixel in the change for all (10 of 255)."""
    passes: int = 6
    """Through the train split."""
    seed: int = 0
    """Of the order of its batches, and of the random change beside it."""

    def __post_init__(self) -> None:
        check_at_least("most", self.most, 1)
        check_at_least("passes", self.passes, 1)
        check_positive("rate", self.rate)
        check_positive("epsilon", self.epsilon)
        if not self.photos:
            raise UsageError("photos: needs one or more")


def run(cfg: Config, run_dir: Path) -> Report:
    """Draws `attack.png`; reports steps, sizes and the share of pictures that are fooled.

    `fooled_...`: the shares of pictures whose predicted class another one replaces, by the change
    for all in the split that it was learned from and in the other, and in that one by random signs
    of the same Euclidean norm.
    """
    began = time.perf_counter()
    opened = open_network(cfg.model)
    photos = read_squares(cfg.photos, cfg.size).astype(np.float32) / 255
    target = find_class(cfg.target, opened.classes)
    goal = jnp.full(len(photos), target)
    moved, steps = towards_class(
        lambda x: logits(opened, x), jnp.asarray(photos), goal, rate=cfg.rate, most=cfg.most
    )
    moved = np.asarray(moved)
    change = moved - photos
    splits = load_splits(cfg.data)
    train, test = (pictures(splits[name]) for name in ("train", "test"))
    shared = change_for_all(cfg, opened, train)
    signs = np.sign(np.random.default_rng(cfg.seed).normal(size=shared.shape))
    noise = signs * np.sqrt(np.mean(shared**2))
    metrics: Numbers = {
        "reached": float(np.mean(said(opened, moved).argmax(1) == target)),
        "steps": float(np.mean(steps)),
        "change_norm": float(np.mean(np.sqrt(np.sum(change**2, (1, 2, 3))))),
        "change_max": float(np.mean(np.abs(change).max((1, 2, 3)))),
        "fooled_train": fooled(opened, train, shared),
        "fooled_test": fooled(opened, test, shared),
        "fooled_random": fooled(opened, test, noise),
    }
    before = np.concatenate([photos, test[:1]])
    after = np.concatenate([moved, with_change(test[:1], shared)])
    draw(opened, before, after).save(run_dir / "attack.png", dpi=110)
    return report_numbers(
        cfg,
        metrics,
        {"total": time.perf_counter() - began},
        rows=len(photos) + len(test),
        params=opened.network.variables["params"],
        synthetic=splits["train"].synthetic,
    )


def logits(opened: Opened, images: Array) -> Array:
    """`(B, K)` of pictures in [0, 1]."""
    return opened.network(opened.pixels.values(images))["logits"]


def said(opened: Opened, images: Host) -> Host:
    """Probabilities `(B, K)` of pictures in [0, 1]."""

    def call(rows: Host) -> Array:
        values = opened.pixels.values(images[rows])
        return jax.nn.softmax(stages_at(opened.network, values, ("logits",))["logits"])

    return apply_in_batches(call, len(images), min(GROUP, len(images)))


def pictures(split: Split) -> Host:
    """All of a split, in [0, 1]."""
    return split.read("image", np.arange(split.size)).astype(np.float32) / 255


def change_for_all(cfg: Config, opened: Opened, images: Host) -> Host:
    """One change `(H, W, C)` that leads from what the network says of these pictures.

    The loss of each is limited, as in `universal`'s paper.
    """
    labels = said(opened, images).argmax(1)
    size = min(GROUP, len(images))
    draw = np.random.default_rng(cfg.seed)
    batches: list[tuple[Any, Any]] = []
    for _ in range(cfg.passes):
        order = draw.permutation(len(images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            batches.append((jnp.asarray(images[rows]), jnp.asarray(labels[rows])))

    def cost(x: Array, labels: Any) -> Array:
        return jnp.minimum(softmax_cross_entropy(logits(opened, x), labels), MOST_LOSS)

    rate = STEP * cfg.epsilon
    return np.asarray(universal(cost, batches, epsilon=cfg.epsilon, rate=rate))


def with_change(images: Host, change: Host) -> Host:
    """Pictures with a change added, still pictures."""
    return np.clip(images + change, 0, 1).astype(np.float32)


def fooled(opened: Opened, images: Host, change: Host) -> float:
    """The share of pictures whose predicted class the change replaces by another."""
    changed = said(opened, with_change(images, change)).argmax(1)
    return float(np.mean(said(opened, images).argmax(1) != changed))


def draw(opened: Opened, before: Host, after: Host) -> Figure:
    """A row per picture: it, the change magnified to the full range, and both together."""
    names = [name.split(",")[0] for name in opened.classes]
    cells: list[Host] = []
    titles: list[str] = []
    for old, new, p, q in zip(
        before, after, said(opened, before), said(opened, after), strict=True
    ):
        largest = max(float(np.abs(new - old).max()), 1e-6)
        cells += [old, (new - old) / (2 * largest) + 0.5, new]
        titles += [
            f"{names[p.argmax()]}, {p.max():.2f}",
            f"change, {0.5 / largest:.0f} times",
            f"{names[q.argmax()]}, {q.max():.2f}",
        ]
    return draw_grid(cells, titles, columns=3, cell=2.0)


if __name__ == "__main__":
    main(__file__)
