"""Classes of clouds, or parts of points, by PointNet or PointNet++: jaxdl run solids_pointnet."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.compositions import FIRST_PART, PART_NAMES, PARTS
from jaxdl.draw import Figure
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Evaluate, Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Regularizer, Tree
from jaxdl.vision3d.part_scores import part_iou
from jaxdl.vision3d.pointnet import PointNet, PointNetParts, align_penalty
from jaxdl.vision3d.pointnet2 import PointNet2, PointNet2Parts

SHOWN = 6


@dataclass(frozen=True)
class NetConfig:
    """The network."""

    name: str = "pointnet"
    """pointnet or pointnet2."""
    local: tuple[int, ...] = (32, 32)
    """PointNet: widths before the features are turned."""
    whole: tuple[int, ...] = (32, 64, 256)
    """PointNet: widths before the maximum over points."""
    head: tuple[int, ...] = (128, 64)
    """PointNet: widths after it."""
    align_weight: Regularizer = 0.001
    """PointNet: of the penalty that keeps the turn of features orthogonal."""

    def __post_init__(self) -> None:
        check_one_of("model.name", self.name, ("pointnet", "pointnet2"))


@dataclass(frozen=True)
class Config:
    """Clouds, a network, and how it is trained."""

    data: DataConfig = SolidsData(points=256)
    labels: str = "class"
    """class, of each cloud, or part, of each of its points."""
    model: NetConfig = NetConfig()
    turn: bool = True
    """Training: turn upright clouds by a random angle around z."""
    jitter: float = 0.01
    """Training: standard deviation of what is added to each coordinate."""
    optim: OptimConfig = Adam(lr=1e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=10)
    seed: int = 0
    """Of the initial weights, the turns, the jitter and dropout."""

    def __post_init__(self) -> None:
        check_one_of("labels", self.labels, ("class", "part"))
        check_fraction("jitter", self.jitter)
        if self.labels == "part" and not isinstance(self.data, SolidsData):
            raise UsageError(f"labels = part: {self.data.name} has no parts, solids has")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    of_parts = cfg.labels == "part"
    splits = load_splits(cfg.data, fields=("points", "label", *["part"] * of_parts))
    classes = len(splits["train"].classes)
    model = build_net(cfg, classes)
    prepare = make_prepare(cfg, classes)
    turns = cfg.model.name == "pointnet"

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        options: dict[str, Any] = {"with_transform": True} if turns else {}
        out, extra = apply_train(model, params, extra, batch["image"], key, **options)
        logits, transform = out if turns else (out, None)
        aim = batch["part"] if of_parts else batch["label"]
        loss = softmax_cross_entropy(logits, aim)
        loss = loss.mean(axis=-1) if of_parts else loss
        metrics = {"loss": weighted(loss), "accuracy": accuracy(logits, aim)}
        if transform is not None:
            loss = loss + cfg.model.align_weight * align_penalty(transform)
        return global_mean(loss), (extra, metrics)

    evaluate: Evaluate = make_classifier_evaluator(model, prepare)
    draw = None
    if of_parts:
        evaluate = PartEvaluator(model, prepare)
        draw = evaluate.draw
    return supervised(
        model,
        splits,
        prepare,
        loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate,
        draw=draw,
    )


def build_net(cfg: Config, classes: int) -> nn.Module:
    """The network that `cfg` names."""
    if cfg.model.name == "pointnet2":
        return PointNet2Parts(len(PARTS)) if cfg.labels == "part" else PointNet2(classes)
    net, count = (PointNetParts, len(PARTS)) if cfg.labels == "part" else (PointNet, classes)
    return net(count, local=cfg.model.local, whole=cfg.model.whole, head=cfg.model.head)


def make_prepare(cfg: Config, classes: int) -> Prepare:
    """`image`: the points, or points and classes; turned and jittered in training."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        points = batch["points"]
        if train:
            points = jax.vmap(lambda k, p: disturb(k, p, cfg))(keys, points)
        if cfg.labels == "class":
            return {**batch, "image": points}
        return {**batch, "image": (points, jax.nn.one_hot(batch["label"], classes))}

    return prepare


def disturb(key: Key, points: Array, cfg: Config) -> Array:
    """One cloud `(N, 3)`, turned around z and jittered."""
    angle_key, jitter_key = jax.random.split(key)
    if cfg.turn:
        angle = jax.random.uniform(angle_key, (), maxval=2 * jnp.pi)
        c, s = jnp.cos(angle), jnp.sin(angle)
        points = points @ jnp.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return points + cfg.jitter * jax.random.normal(jitter_key, points.shape, points.dtype)


class PartEvaluator(Evaluator):
    """Accuracy over points, and IoU of parts: of each cloud, then of all."""

    def __init__(self, model: nn.Module, prepare: Prepare):
        self.model = model
        self.rows_of = RowEvaluator(self._row, prepare)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        logits: Any = self.model.apply(variables, batch["image"], train=False)
        # The class is known, so that only its own parts are asked for.
        first, count = jnp.asarray(FIRST_PART), jnp.asarray([len(of) for of in PART_NAMES])
        start = first[batch["label"]][:, None, None]
        number = jnp.arange(len(PARTS))[None, None]
        own = (number >= start) & (number < start + count[batch["label"]][:, None, None])
        found = jnp.argmax(jnp.where(own, logits, -jnp.inf), axis=-1)
        return {"found": found, "part": batch["part"], "label": batch["label"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The part found for each point, and the true one."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Accuracy, and the mean over clouds of the mean IoU of their parts."""
        several = np.array([len(of) > 1 for of in PART_NAMES])[rows["label"]]
        scores = np.array(
            [
                part_iou(found, part, range(FIRST_PART[k], FIRST_PART[k] + len(PART_NAMES[k])))
                for found, part, k in zip(rows["found"], rows["part"], rows["label"], strict=True)
            ]
        )
        return {
            "accuracy": float((rows["found"] == rows["part"]).mean()),
            "part_iou": float(scores[several].mean()),  # of clouds with more than one part
        }

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`parts.png`: clouds in the colors of the found parts, the true ones below."""
        rows = self.rows_of(state, split)
        several = np.flatnonzero([len(PART_NAMES[k]) > 1 for k in rows["label"]])[:SHOWN]
        figure = Figure(2, len(several), size=(2 * len(several), 4.2))
        points = split.batch(several)["points"]
        for i, row in enumerate(several):
            first = FIRST_PART[rows["label"][row]]
            for below, name in enumerate(("found", "part")):
                axis = figure.axes[below * len(several) + i]
                own = rows[name][row] - first
                axis.scatter(points[i, :, 1], points[i, :, 2], c=own, s=4, cmap="tab10", vmax=9)
                axis.set(aspect="equal", xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[])
                title = split.classes[rows["label"][row]]
                axis.set_title(f"{title}, {'truth' if below else 'found'}", fontsize=7)
        return [figure.save(folder / "parts.png")]


if __name__ == "__main__":
    main(__file__)
