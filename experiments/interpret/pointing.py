"""Do maps point at what is seen? A classifier of shapes and their masks: jaxdl run shapes_pointing.

The pointing game and the overlap with the true mask of each method, beside the center of the
picture, which points without looking; and whether maps depend on what was learned.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import binary_fill_holes

from jaxdl.checks import check_at_least
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, ShapesData
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.predict import predict_classes as predict
from jaxdl.interpret.attribution.cam import cam, grad_cam
from jaxdl.interpret.attribution.methods import METHODS, MethodOptions, explain, find_method
from jaxdl.interpret.attribution.sanity import randomization_check
from jaxdl.interpret.draw_maps import Column, draw_maps
from jaxdl.interpret.localization import above_share, cut_out, highest, mask_iou, points_at
from jaxdl.interpret.network import Network
from jaxdl.training.state import TrainState
from jaxdl.training.task import Evaluate, Task
from jaxdl.typing import Host, Numbers

__all__ = ["Config", "build", "predict"]

MAIN = "gradcam"  # measured on every picture
SHARES = np.linspace(0.05, 0.95, 19)
GROUP, SHOWN = 50, 6


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier of pictures with one object, and what its maps are measured on."""

    data: DataConfig = ShapesData(max_objects=1, anywhere=True, image_size=(48,))
    methods: tuple[str, ...] = tuple(METHODS)
    """What is measured; cam is left out where the network is not a mean and one linear layer."""
    options: MethodOptions = MethodOptions(steps=20, samples=15, window=12)
    rows: int = 100
    """Test pictures for methods other than gradcam, and for cutting objects out."""
    sanity_rows: int = 16
    """Test pictures whose maps are compared with those of drawn weights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.methods:
            find_method(name)
        check_at_least("rows", self.rows, 1)
        check_at_least("sanity_rows", self.sanity_rows, 1)


def build(cfg: Config) -> Task:
    """The task of `cfg`: that of a classifier, whose evaluation also looks at maps."""
    task = classifier_task(cfg)
    assert task.evaluate is not None, "the task of a classifier"
    evaluate = PointingEvaluator(cfg, task, task.evaluate)
    return dataclasses.replace(task, evaluate=evaluate, draw=evaluate.draw)


class PointingEvaluator(Evaluator):
    """What a classifier's evaluation gives, and how well its maps point."""

    def __init__(self, cfg: Config, task: Task, plain: Evaluate):
        self.cfg, self.task, self.plain = cfg, task, plain
        self.numbers_of_classifier: Numbers = {}
        # 15 pixels of pictures whose shorter side has 375 or so, as in the paper.
        self.tolerance = 0.04 * min(task.splits["train"].example["image"].shape[:2])

    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """Maps by method, masks, and the correlations of the check."""
        self.numbers_of_classifier = self.plain(state, split)
        images, labels, masks = self.read(split, split.size)
        train = self.read(self.task.splits["train"], 2 * self.cfg.rows)
        network = self.network(state)
        few = slice(0, self.cfg.sanity_rows)
        gap = cam_gap(network, images[few], labels[few])
        methods = [name for name in self.cfg.methods if name != "cam" or np.isfinite(gap)]
        counts = {name: len(images) if name == MAIN else self.cfg.rows for name in methods}
        maps = {
            name: self.maps(name, network, images[:n], labels[:n]) for name, n in counts.items()
        }
        own = {name: self.maps(name, network, *train[:2]) for name in self.cut_methods()}
        return {
            "maps": maps,
            "masks": masks,
            "pictures": split.read("image", np.arange(min(split.size, self.cfg.rows))),
            "shares": {name: best_share(values, train[2]) for name, values in own.items()},
            "checks": self.check(network, images[few], labels[few]),
            "cam_gap": gap,
        }

    def network(self, state: TrainState) -> Network:
        assert self.task.model is not None, "the task of a classifier"
        return Network(state.variables, self.task.model)

    def cut_methods(self) -> list[str]:
        """The methods whose maps objects are cut out by."""
        return [name for name in (MAIN, "saliency") if name in self.cfg.methods]

    def read(self, split: Split, count: int) -> tuple[Host, Host, Any]:
        """Prepared images, labels and the masks of all objects together, of the first rows."""
        batch = split.batch(np.arange(min(count, split.size)))
        keys = jax.random.split(jax.random.key(0), len(batch["label"]))
        prepared = self.task.prepare(keys, {"image": jnp.asarray(batch["image"])}, train=False)
        return np.asarray(prepared["image"]), batch["label"], np.any(batch["masks"], axis=1)

    def maps(self, name: str, network: Network, images: Host, labels: Host) -> Host:
        """`(B, H, W)` of the method, for the true classes."""

        def call(rows: Host) -> Any:
            return explain(name, network, jnp.asarray(images[rows]), labels[rows], self.cfg.options)

        return apply_in_batches(call, len(images), min(GROUP, len(images)))

    def check(self, network: Network, images: Host, labels: Host) -> dict[str, dict[str, Host]]:
        """By method, by layer from the top: rank correlations with maps of drawn weights."""
        key = jax.random.key(self.cfg.seed)
        return {
            name: randomization_check(
                network,
                jnp.asarray(images),
                lambda one, name=name: jnp.asarray(self.maps(name, one, images, labels)),
                key,
            )
            for name in (MAIN, "saliency", "guided_backprop")
            if name in self.cfg.methods
        }

    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """`pointing_...`, `iou_...` and `rank_correlation_...`, beside the classifier's own.

        To point at a ring's hole is to point at the ring; `pointing_mask_...` counts what is on
        the mask itself.
        """
        masks, numbers = rows["masks"], dict(self.numbers_of_classifier)
        filled = [binary_fill_holes(mask) for mask in masks]
        center = np.zeros(masks.shape)  # a map of nothing is highest in the middle
        for name, maps in {**rows["maps"], "center": center}.items():
            places = [highest(m) for m in maps]
            numbers[f"pointing_{name}"] = share_of_hits(places, filled, self.tolerance)
            if name in (MAIN, "center"):
                numbers[f"pointing_mask_{name}"] = share_of_hits(places, masks, 0.0)
        for name, share in rows["shares"].items():
            maps = rows["maps"][name]
            numbers[f"iou_{name}"] = overlap([above_share(m, share) for m in maps], masks)
            pairs = zip(rows["pictures"], maps, strict=False)
            numbers[f"iou_{name}_cut"] = overlap([cut_out(p, m) for p, m in pairs], masks)
        for name, layers in rows["checks"].items():
            numbers[f"rank_correlation_{name}"] = mean_correlation(list(layers.values())[-1])
        exact = {"cam_gap": rows["cam_gap"]} if np.isfinite(rows["cam_gap"]) else {}
        return {**numbers, **exact}

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """`pointing.png`, maps with the place that each points at, and `randomized.png`."""
        self.draw_sheet(split, rows).save(folder / "pointing.png", dpi=90)
        draw_checks(rows["checks"]).save(folder / "randomized.png")

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """The same, of maps that are computed for it."""
        self.draw_rows(state, split, self.rows(state, split), folder)
        return [folder / "pointing.png", folder / "randomized.png"]

    def draw_sheet(self, split: Split, rows: dict[str, Any]) -> Figure:
        """A row per picture: the maps of all methods, and the object cut out by Grad-CAM's."""
        count = min(SHOWN, len(rows["pictures"]))
        pictures, columns, points = list(rows["pictures"][:count]), [], {}
        for place, (name, maps) in enumerate(rows["maps"].items()):
            method = METHODS[name]
            columns.append(Column(method.title, maps[:count], method.signed, over=False))
            points |= {(i, place): highest(maps[i]) for i in range(count)}
        for name in self.cut_methods():
            cuts = [cut_out(p, m) for p, m in zip(pictures, rows["maps"][name], strict=False)]
            columns.append(Column(f"cut out by\n{METHODS[name].title}", np.array(cuts, float)))
        labels = split.read("label", np.arange(count))
        return draw_maps(
            pictures,
            columns,
            [split.classes[i] for i in labels],
            title="maps of the true class, where each is highest (+), the true outline (cyan)",
            points=points,
            outlines=rows["masks"][:count],
        )


def share_of_hits(places: list[tuple[int, int]], masks: Any, tolerance: float) -> float:
    """How many places are on the mask of their picture."""
    pairs = zip(places, masks, strict=False)
    return float(np.mean([points_at(place, mask, tolerance=tolerance) for place, mask in pairs]))


def best_share(maps: Host, masks: Host) -> float:
    """The share of the largest value above which maps overlap most with masks."""
    scores = [overlap([above_share(m, share) for m in maps], masks) for share in SHARES]
    return float(SHARES[int(np.argmax(scores))])


def overlap(found: list[Host], masks: Host) -> float:
    """The mean IoU of masks with as many true ones."""
    return float(np.mean([mask_iou(a, b) for a, b in zip(found, masks, strict=False)]))


def cam_gap(network: Network, images: Host, labels: Host) -> float:
    """How far Grad-CAM is from relu(CAM) / positions, in parts of its largest value.

    Behind a stage that is pooled and weighted once they are the same; NaN for other networks.
    """
    try:
        exact = np.asarray(cam(network, jnp.asarray(images), labels))
    except ValueError:
        return float("nan")
    got = np.asarray(grad_cam(network, jnp.asarray(images), labels))
    want = np.maximum(exact, 0) / exact[0].size
    return float(np.abs(got - want).max() / np.abs(want).max())


def mean_correlation(values: Host) -> float:
    """The mean of those that are defined; 0 where none is: constant maps tell of nothing."""
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else 0.0


def draw_checks(checks: dict[str, dict[str, Host]]) -> Figure:
    """Rank correlation with the maps of the trained network, over the layers drawn anew."""
    figure = Figure(size=(6.5, 4))
    (axis,) = figure.axes
    names: list[str] = []
    for name, layers in checks.items():
        names = list(layers)
        values = [mean_correlation(v) for v in layers.values()]
        axis.plot(range(len(names)), values, marker=".", label=METHODS[name].title)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set(xlabel="drawn anew down to this layer", ylabel="rank correlation", ylim=(-0.3, 1.02))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main(__file__)
