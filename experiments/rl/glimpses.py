"""Where to look, learned by REINFORCE or by the gradient: jaxdl run mnist_glimpses, ..."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_at_least, check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.rl.glimpses import WAYS, GlimpseClassifier, glimpse_losses
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Host, Key, LossOutput, Numbers, Prepare, Tree

DRAWN = 8


@dataclass(frozen=True)
class GlimpseConfig:
    """The windows, and how their places are found."""

    way: str = "sampled"
    """sampled (by REINFORCE), soft (by the gradient of the loss) or random."""
    looks: int = 6
    """Windows a picture; the first at its center."""
    size: int = 8
    """Pixels of a window's side."""
    width: int = 256
    """Of the recurrent state."""
    deviation: float = 0.15
    """Of a sampled place, in halves of the picture."""
    decide_weight: float = 1.0
    """Of REINFORCE's term, beside the classifier's loss."""

    def __post_init__(self) -> None:
        check_one_of("model.way", self.way, WAYS)
        for name in ("looks", "size", "width"):
            check_at_least(f"model.{name}", getattr(self, name), 2)
        check_positive("model.deviation", self.deviation)


@dataclass(frozen=True)
class Config:
    """Pictures, the windows, and how they are trained."""

    data: DataConfig = DataConfig(name="digits")
    image: ImageConfig = ImageConfig()
    model: GlimpseConfig = GlimpseConfig()
    optim: OptimConfig = Adam()
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the weights and the places."""


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("image", "label"))
    own = cfg.model
    model = GlimpseClassifier(
        len(splits["train"].classes), own.looks, own.size, own.width, own.way, own.deviation
    )
    prepare = prepare_images(cfg.image)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        looked, extra = apply_train(model, params, extra, batch["image"], key)
        losses = glimpse_losses(looked, batch["label"], way=own.way, deviation=own.deviation)
        classify, decide, expect = losses
        right = jnp.argmax(looked.logits, axis=1) == batch["label"]
        metrics = {"loss": weighted(classify), "accuracy": weighted(jnp.float32(right))}
        return global_mean(classify + own.decide_weight * decide + expect), (extra, metrics)

    evaluate = GlimpseEvaluator(model, prepare)
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=evaluate.draw,
    )


class GlimpseEvaluator(Evaluator):
    """`evaluate(state, split, folder)`: loss and accuracy; in `folder` the windows, in order, on
    the first pictures."""

    def __init__(self, model: GlimpseClassifier, prepare: Prepare):
        self.model = model

        def row(variables: Any, batch: Batch) -> dict[str, Any]:
            looked: Any = model.apply(variables, batch["image"], train=False)
            loss, _, _ = glimpse_losses(looked, batch["label"], way="soft", deviation=1.0)
            right = jnp.argmax(looked.logits, axis=1) == batch["label"]
            return {"loss": loss, "right": right, "place": looked.place}

        self.rows_of = RowEvaluator(row, prepare)

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Of every row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Their means; and how far places lie from the mean of their look, root mean square."""
        place = rows["place"].astype(np.float64)
        return {
            "loss": float(rows["loss"].mean(dtype=np.float64)),
            "accuracy": float(rows["right"].mean()),
            "place_deviation": float(np.sqrt(((place - place.mean(axis=0)) ** 2).sum(2).mean())),
        }

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`glimpses.png`."""
        few = split.take(np.arange(min(DRAWN, split.size)), name=split.name)
        rows = self.rows_of(state, few)
        images = few.batch(np.arange(few.size))["image"]
        figure = draw_windows(images, rows["place"], rows["right"], size=self.model.size)
        return [figure.save(folder / "glimpses.png")]


def draw_windows(images: Host, places: Host, right: Host, *, size: int) -> Figure:
    """Pictures `(N, H, W, C)` with their windows, the first dark, the last bright, and the way
    between their centers; the title says whether the class was right."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    count, height, width, _ = images.shape
    figure = Figure(1, count, size=(1.6 * count, 1.9))
    for axis, image, place, ok in zip(figure.axes, images, places, right, strict=True):
        axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray")
        x, y = (place[:, 0] + 1) / 2 * (width - 1), (place[:, 1] + 1) / 2 * (height - 1)
        axis.plot(x, y, color="orange", linewidth=0.8)
        for i in range(len(place)):
            color = colormaps["autumn"](i / max(len(place) - 1, 1))
            corner = x[i] - size / 2, y[i] - size / 2
            axis.add_patch(Rectangle(corner, size, size, fill=False, color=color, linewidth=1.2))
        axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        axis.set_title("right" if ok else "wrong", fontsize=7)
        axis.set_axis_off()
    return figure


if __name__ == "__main__":
    main(__file__)
