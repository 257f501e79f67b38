"""A network solves puzzles that pictures set themselves: jaxdl run cifar10_rotation.

Its features are then judged by a linear probe and by neighbors, beside those at the start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_one_of
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, data_config
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import draw_grid
from jaxdl.evaluation.probe_evaluator import ProbeConfig, ProbeEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.metrics.classification import accuracy
from jaxdl.models.registry import ModelConfig, build_model, model_options
from jaxdl.ops.augment.crop_flip import split_rows
from jaxdl.ops.augment.geometry import random_resized_crop
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.selfsup.pretext.masked_autoencoder import MaskedAutoencoder
from jaxdl.selfsup.pretext.networks import PretextNet
from jaxdl.selfsup.pretext.tasks import (
    STRIDE,
    TASKS,
    Labeled,
    MaskedPatches,
    Pretext,
    make_task,
)
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Batch, Key, LossFn, LossOutput, Prepare, Tree

SAMPLE, SHOWN = 1000, 8  # images that colors are counted in, and on the sheet
SMALL = {"blocks": (1, 1, 1), "width": 16, "small": True, "stem_stride": 2}


@dataclass(frozen=True)
class Config:
    """Images, a puzzle, a backbone, and how its features are judged."""

    data: DataConfig = data_config("cifar10", batch_size=256)
    task: str = "rotation"
    """rotation, jigsaw, colorization, inpainting, outpainting, denoising, or masked_patches, which
    has a transformer of its own in place of `model`."""
    size: int = 24
    """Pixels of the windows that it learns from; features are judged on whole images."""
    model: ModelConfig = model_options("resnet18")(**SMALL)
    """Its stage3 is where the head of the task stands, eight pixels to a place."""
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(steps=160)
    probe: ProbeConfig = ProbeConfig()
    seed: int = 0
    """Of the initial weights and the puzzles."""

    def __post_init__(self) -> None:
        check_one_of("task", self.task, TASKS)
        if self.size < STRIDE or self.size % STRIDE:
            raise UsageError(f"size must be a multiple of {STRIDE} pixels, got {self.size}")


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    splits = load_splits(cfg.data, fields=("image", "label"))
    train = splits["train"]
    height, width, channels = train.example["image"].shape
    if channels != 3 or min(height, width) < cfg.size:
        raise UsageError(
            f"pretext: images must be colored and {cfg.size} pixels a side or more, got "
            f"{height}x{width}x{channels}"
        )
    puzzle = make_task(cfg.task, train.read("image", np.arange(min(SAMPLE, train.size))) / 255)
    model = build_network(cfg, puzzle)
    prepare = make_prepare(cfg, puzzle, share=cfg.size**2 / (height * width))
    evaluate = PuzzleEvaluator(model, puzzle, prepare, train, cfg.probe)
    task = supervised(
        model,
        splits,
        prepare,
        make_loss(model, puzzle),
        cfg.optim,
        loop=cfg.loop,
        evaluate=evaluate.with_start(lambda: task.init(jax.random.key(cfg.seed))),
        draw=evaluate.draw,
        inputs="posed",
    )
    return task


def make_prepare(cfg: Config, puzzle: Pretext, *, share: float) -> Prepare:
    """uint8 images -> `posed`, the puzzle of a window of theirs, and the `whole` ones."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        image = to_float(batch["image"])
        cut, pose = split_rows(keys, 2)
        if not train:
            part = image[:, : cfg.size, : cfg.size]
            return {"whole": puzzle.given(image), "posed": puzzle.pose(pose, part)}
        window = random_resized_crop(  # of the right size, so that nothing is resized
            cut,
            image,
            (cfg.size, cfg.size),
            scale=(share, share),
            ratio=(1.0, 1.0),
            flip_probability=0.5,
        )
        return {"posed": puzzle.pose(pose, window)}

    return prepare


def make_loss(model: Any, puzzle: Pretext) -> LossFn:
    """The mean of the puzzle's losses; `accuracy`, too, where the answer is a class."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        out, extra = apply_train(model, params, extra, batch["posed"], key)
        loss = puzzle.losses(out, batch["posed"])
        metrics = {"loss": weighted(loss)}
        if isinstance(puzzle, Labeled):
            metrics["accuracy"] = accuracy(out, batch["posed"]["label"])
        return global_mean(loss), (extra, metrics)

    return loss_fn


class PuzzleEvaluator(ProbeEvaluator):
    """Both probes; in the folder also `puzzles.png`: what was given, and the answers."""

    def __init__(
        self, model: Any, puzzle: Pretext, prepare: Prepare, train: Split, cfg: ProbeConfig
    ) -> None:
        def features(variables: Tree, batch: Batch) -> dict[str, Any]:
            method: Any = "features"
            return {"features": model.apply(variables, batch["whole"], train=False, method=method)}

        super().__init__(features, prepare, train, cfg)
        self.model, self.puzzle, self.prepare = model, puzzle, prepare

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`puzzles.png`, of the first images of the split."""
        image = split.read("image", np.arange(min(SHOWN, split.size)))
        keys = jax.random.split(jax.random.key(0), len(image))
        posed = self.prepare(keys, {"image": jnp.asarray(image)}, train=True)["posed"]
        out: Any = self.model.apply(jax.device_get(state.variables), posed, train=False)
        rows = self.puzzle.show(out, posed)
        pictures = [np.asarray(x) for row in rows.values() for x in row]
        title = f"By rows: {', '.join(rows)}"
        figure = draw_grid(pictures, title=title, columns=len(image), cell=0.9)
        return [figure.save(folder / "puzzles.png")]

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The puzzles, and neighbors."""
        super().draw_rows(state, split, rows, folder)
        self.draw(state, split, folder)


def build_network(cfg: Config, puzzle: Pretext) -> Any:
    """The network that solves `puzzle`."""
    if isinstance(puzzle, MaskedPatches):
        tokens = (cfg.size // puzzle.patch) ** 2
        return MaskedAutoencoder(kept=tokens // 4, patch=puzzle.patch)
    return PretextNet(build_model(cfg.model, num_classes=0), puzzle.head())


if __name__ == "__main__":
    main(__file__)
