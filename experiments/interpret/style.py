"""Photographs in several styles by one network, and by optimization: jaxdl run photos_style.

The network learns from photographs; its pictures are then compared with what hundreds of steps of
Adam in the pixels give, in loss and seconds.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_at_least
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, FolderData
from jaxdl.data.images.pictures import read_squares
from jaxdl.data.load import load_splits
from jaxdl.data.splits.split import Split
from jaxdl.draw import save_image, tile_images
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.interpret.network import stages_at
from jaxdl.interpret.open_network import Opened, open_network
from jaxdl.interpret.synthesis.descent import Descent, descend, loss_of
from jaxdl.interpret.synthesis.style import StyleObjective, StyleWeights, style_grams
from jaxdl.interpret.synthesis.style_net import SMALLEST, StyleNet
from jaxdl.metrics.accumulate import weighted
from jaxdl.models.registry import ModelConfig
from jaxdl.ops.augment.crop_flip import row_uniform
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.runs.results import Report
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import to_float
from jaxdl.training.report import report_fit
from jaxdl.training.restore import RestoredRun
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Tree

REPEATS = 5  # timed calls of the network, of which the median counts


@dataclass(frozen=True)
class NetConfig:
    """The network that draws in a style."""

    features: int = 16
    """Of its outermost layers; four times as many in the middle."""
    blocks: int = 3
    """Residual blocks."""


@dataclass(frozen=True)
class Config:
    """Photographs, styles, how they are compared, and how the network is trained."""

    data: DataConfig = FolderData(path="hymenoptera.tar", image_size=(128,), batch_size=4)
    crop: int = 96
    """Pixels along a side of what the network is trained on."""
    styles: tuple[str, ...] = ("stereo_flow_style/starry_night.jpg", "ihc.png")
    """Pictures whose style is learned: files, also below JAXDL_DATA_DIR, or scikit-image's."""
    photos: tuple[str, ...] = ("chelsea.png", "rocket.jpg")
    """Photographs that are drawn in these styles; the first one is also optimized."""
    size: int = 256
    """Pixels along a side of styles and drawn photographs. The weights are those of this size."""
    model: ModelConfig = ModelConfig(name="squeezenet1_1", weights="squeezenet1_1")
    weights: StyleWeights = StyleWeights()
    net: NetConfig = NetConfig()
    descent: Descent = Descent(steps=250, lr=0.1)
    optim: OptimConfig = Adam(lr=2e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(steps=1000)
    seed: int = 0
    """Of the initial weights and the crops."""

    def __post_init__(self) -> None:
        check_at_least("crop", self.crop, SMALLEST)
        check_at_least("size", self.size, SMALLEST)
        if not (self.styles and self.photos and self.weights.content):
            raise UsageError("style: needs a style, a photograph and a stage of the content")


class Stylist:
    """The network, what it is taught by, and the parts of its task."""

    def __init__(self, cfg: Config):
        self.cfg = cfg
        self.net = StyleNet(len(cfg.styles), cfg.net.features, cfg.net.blocks)

    # What teaches is read where it is first needed: to draw, the network alone is enough.
    @cached_property
    def opened(self) -> Opened:
        """The network that compares pictures."""
        with jax.ensure_compile_time_eval():
            return open_network(self.cfg.model)

    @cached_property
    def grams(self) -> dict[str, Array]:
        """Those of the styles."""
        network, pixels, _ = self.opened
        styles = read_squares(self.cfg.styles, self.cfg.size)
        with jax.ensure_compile_time_eval():
            values = [pixels.values(style[None]) for style in styles]
            return style_grams(network, self.cfg.weights, values)

    def prepare(self, keys: Key, batch: Batch, *, train: bool) -> Batch:
        """Pictures in [0, 1] `(B, crop, crop, 3)`, and for each a style, one-hot."""
        image, count = to_float(batch["image"]), len(self.cfg.styles)
        draws = row_uniform(keys, 4) if train else jnp.full((len(image), 4), 0.5)
        style = jnp.floor(draws[:, 3] * count) if train else jnp.arange(len(image)) % count
        crops = jax.vmap(partial(crop_and_flip, side=self.cfg.crop))(draws[:, :3], image)
        return {"image": crops, "mix": jax.nn.one_hot(style.astype(int), count)}

    def objective(self, photos: Array, mix: Array) -> StyleObjective:
        """What pictures of `photos` `(B, H, W, 3)`, in [0, 1], in styles `mix` must reach.

        Content and variation are sums over positions: their weights are brought to this size.
        """
        weights, area = self.cfg.weights, self.cfg.size**2 / (photos.shape[1] * photos.shape[2])
        scaled = {k: area * getattr(weights, k) for k in ("content_weight", "tv_weight")}
        values, stage = self.opened.pixels.values(photos), weights.content
        content = stages_at(self.opened.network, values, (stage,))[stage]
        return StyleObjective(
            self.opened.network, content, self.grams, mix, replace(weights, **scaled)
        )

    def loss_fn(self, params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        """The loss of what the network draws of a batch."""
        image, mix = batch["image"], batch["mix"]
        drawn, extra = apply_train(self.net, params, extra, image, key, mix=mix)
        parts = self.objective(image, mix).parts(self.opened.pixels.values(drawn))
        loss = parts.total()
        shown = {name: weighted(value) for name, value in vars(parts).items()}
        return global_mean(loss), (extra, {"loss": weighted(loss), **shown})

    def evaluate(self, state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        """The mean loss of the middles of a split's pictures, each in one of the styles in turn."""

        @jax.jit
        def losses(batch: Batch) -> Array:
            keys = jax.random.split(jax.random.key(0), len(batch["image"]))
            ready = self.prepare(keys, batch, train=False)
            drawn = _draw(self.net, state.variables, ready["image"], ready["mix"])
            goal = self.objective(ready["image"], ready["mix"])
            return goal(self.opened.pixels.values(drawn))

        rows = 2 * len(self.cfg.styles)
        each = apply_in_batches(lambda chosen: losses(split.batch(chosen)), split.size, rows)
        return {"loss": float(np.mean(each))}

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`styles.jpg`: the config's photographs in all styles."""
        photos = read_squares(self.cfg.photos, self.cfg.size)
        return [save_image(self.sheet(state, photos), folder / "styles.jpg")]

    def sheet(self, state: TrainState, photos: Host) -> Host:
        """A photograph per row, itself and then in each style; above them the styles."""
        count = len(self.cfg.styles)
        styles = read_squares(self.cfg.styles, photos.shape[1])
        cells = [np.zeros_like(styles[:1]), styles]
        for photo in photos:
            drawn = [self.apply(state, photo, row) for row in np.eye(count)]
            cells += [photo[None], np.stack(drawn)]
        return tile_images(np.concatenate(cells), count + 1, border=2)

    def apply(self, state: TrainState, photo: Host, mix: Host) -> Host:
        """One photograph `(H, W, 3)` uint8 in a mix of styles, uint8."""
        x, m = jnp.asarray(photo[None]) / 255, jnp.asarray(mix, jnp.float32)[None]
        drawn = _draw(self.net, state.variables, x, m)
        return np.round(np.asarray(drawn[0]) * 255).astype(np.uint8)


@partial(jax.jit, static_argnums=0)
def _draw(net: StyleNet, variables: Tree, x: Array, mix: Array) -> Array:
    return net.apply(variables, x, mix, train=False)  # pyright: ignore[reportReturnType]


def crop_and_flip(draws: Array, image: Array, *, side: int) -> Array:
    """A window of `side` pixels at the place that two draws in [0, 1) say, mirrored by a third."""
    top, left = (jnp.floor(draws[i] * (image.shape[i] - side + 1)).astype(int) for i in (0, 1))
    cut = jax.lax.dynamic_slice(image, (top, left, 0), (side, side, image.shape[2]))
    return jnp.where(draws[2] > 0.5, cut[:, ::-1], cut)


def build(cfg: Config) -> Task:
    """The network's task."""
    return task_of(cfg, Stylist(cfg))


def task_of(cfg: Config, stylist: Stylist) -> Task:
    """The task of a network with its teachers.

    Raises UsageError for data that are not color pictures of the crop's size or more.
    """
    splits = load_splits(cfg.data)
    shape = splits["train"].example["image"].shape if "image" in splits["train"].names else ()
    if len(shape) != 3 or min(shape[:2]) < cfg.crop or shape[2] != 3:
        raise UsageError(
            f"style: needs color pictures of {cfg.crop}x{cfg.crop} or more, got "
            f"{'x'.join(map(str, shape)) or 'none'}; set data.image_size or crop"
        )
    return supervised(
        stylist.net,
        splits,
        stylist.prepare,
        stylist.loss_fn,
        cfg.optim,
        loop=cfg.loop,
        evaluate=stylist.evaluate,
        draw=stylist.draw,
    )


def run(cfg: Config, run_dir: Path, resume: bool = False) -> Report:
    """Trains the network, and compares it with optimization on the first photograph."""
    stylist = Stylist(cfg)
    task = task_of(cfg, stylist)
    done = fit(task, cfg.loop, run_dir, seed=cfg.seed, resume=resume)
    began = time.perf_counter()
    stylist.draw(done.state, task.splits["train"], run_dir)
    numbers, pictures = compare(stylist, done.state)
    save_image(tile_images(pictures, 4, border=2), run_dir / "compared.jpg")
    done.seconds["compared"] = time.perf_counter() - began
    done.seconds["total"] += done.seconds["compared"]
    report = report_fit(run_dir, cfg, task, done)
    report["metrics"] |= numbers
    return report


def compare(stylist: Stylist, state: TrainState) -> tuple[Numbers, Host]:
    """Loss and seconds of both ways for the first photograph in the first style.

    Seconds are those of programs that are compiled already. The pictures: photograph, style,
    optimized, drawn by the network.
    """
    cfg, pixels = stylist.cfg, stylist.opened.pixels
    photo, style = read_squares((cfg.photos[0], cfg.styles[0]), cfg.size)
    mix = np.eye(len(cfg.styles))[0]
    drawn, times = stylist.apply(state, photo, mix), []
    for _ in range(REPEATS):
        began = time.perf_counter()
        stylist.apply(state, photo, mix)
        times.append(time.perf_counter() - began)
    goal = stylist.objective(jnp.asarray(photo[None]) / 255, jnp.asarray(mix, jnp.float32)[None])
    start = pixels.values(photo[None])
    descend(goal, start, pixels, replace(cfg.descent, steps=1))  # compiles
    began = time.perf_counter()
    best, losses = descend(goal, start, pixels, cfg.descent)
    optimized = time.perf_counter() - began
    of_net = float(loss_of(goal, pixels.values(drawn[None]))[0])
    reached = np.flatnonzero(losses[:, 0] <= of_net)
    numbers = {
        "seconds_feedforward": float(np.median(times)),
        "seconds_optimized": optimized,
        "loss_photo": float(losses[0, 0]),
        "loss_feedforward": of_net,
        "loss_optimized": float(loss_of(goal, best)[0]),
    }
    if len(reached):  # how long optimization takes to be as good as the network
        numbers["seconds_optimized_to_equal"] = optimized * float(reached[0]) / cfg.descent.steps
    found = np.round(pixels.pictures(best) * 255).astype(np.uint8)
    return numbers, np.concatenate([photo[None], style[None], found, drawn[None]])


def predict(restored: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """A person's own photographs in each of the styles, one file for each of both."""
    stylist, lines, rows = Stylist(restored.cfg), [], []
    pictures = PictureFiles(files)
    for group, images in pictures:
        for file, image in zip(group, images, strict=True):
            for style, mix in zip(
                restored.cfg.styles, np.eye(len(restored.cfg.styles)), strict=True
            ):
                path = folder / f"{file.stem}_{Path(style).stem}.jpg"
                save_image(stylist.apply(restored.state, image, mix), path)
                lines.append(f"{file}  {path}")
                rows.append({"file": str(file), "style": style, "drawn": str(path)})
    return Predicted(lines, pictures.faults, rows)


if __name__ == "__main__":
    main(__file__)
