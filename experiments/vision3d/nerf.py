"""A radiance field of one solid from rendered views: jaxdl run solids_nerf."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_at_least, check_one_of, check_positive
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, SolidsData
from jaxdl.data.meshes.mesh import Mesh, unit
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic import compositions
from jaxdl.draw import save_image, tile_images
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.accumulate import weighted
from jaxdl.optim.config import Adam, OptimConfig
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import Task, supervised
from jaxdl.typing import Array, Batch, Host, Key, LossOutput, Numbers, Prepare, Tree
from jaxdl.vision3d.nerf import (
    RadianceField,
    look_through,
    pixel_rays,
    places_along,
    psnr,
    to_bytes,
    view_rows,
)
from jaxdl.vision3d.single_view.rendered_views import eye_turns, part_colors
from jaxdl.vision3d.surfaces.render import DISTANCE
from jaxdl.vision3d.volume_rendering import stratified

NEAR, FAR = DISTANCE - 0.95, DISTANCE + 0.95  # no solid reaches further from its center than 0.91
LIGHT = unit(np.array([0.4, -0.5, 0.8]))  # the way to it, in the frame of the solid, z up
GROUND = 255  # white: dark, an empty picture would be near to the true ones
FRAMES = 24


@dataclass(frozen=True)
class FieldConfig:
    """The network."""

    width: int = 64
    """Of the hidden layers."""
    depth: int = 4
    """Hidden layers before the density."""
    octaves: int = 5
    """Of the sines and cosines of a place."""
    view_octaves: int = 2
    """Of those of a direction."""
    samples: int = 48
    """Places on each ray, one at random in each of as many equal pieces (no finer pass follows)."""


@dataclass(frozen=True)
class Config:
    """One solid, its views, a network, and how it is trained."""

    data: DataConfig = SolidsData(batch_size=1024)
    solid: str = "chair"
    """The class of the solid; its measures are the middle of what they can be."""
    views: int = 40
    """Pictures to learn from."""
    test_views: int = 8
    """Pictures from elsewhere, for the score."""
    field: FieldConfig = FieldConfig()
    optim: OptimConfig = Adam(lr=5e-3, schedule="cosine")
    loop: LoopConfig = LoopConfig(epochs=8)
    seed: int = 0
    """Of the initial weights, the eyes and the places on rays."""

    def __post_init__(self) -> None:
        check_one_of("solid", self.solid, compositions.CLASSES)
        check_at_least("views, test_views", min(self.views, self.test_views), 1)
        check_positive("field.samples", self.field.samples)


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
    mesh, colors = the_solid(cfg.solid)
    splits = ray_splits(cfg, mesh, colors)
    f = cfg.field
    model = RadianceField(f.width, f.depth, f.octaves, f.view_octaves)
    prepare = make_prepare(f.samples)

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        field, extra = apply_train(model, params, extra, batch["image"], key)
        seen = look_through(field, batch["t"], FAR, GROUND / 255)
        loss = jnp.mean((seen.color - batch["color"]) ** 2, axis=-1)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    evaluate = ViewEvaluator(cfg, model, prepare, mesh)
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


def the_solid(name: str) -> tuple[Mesh, Host]:
    """The mesh, in its own frame, and a color of each face by its part, `(F, 3)`."""
    kind = compositions.CLASSES.index(name)
    measures = (compositions.LOW + compositions.HIGH)[kind : kind + 1] / 2
    vertices, faces = compositions.mesh(kind, measures, 8)
    mesh = Mesh(vertices[0], faces)
    return mesh, part_colors(kind, measures, mesh)


def ray_splits(cfg: Config, mesh: Mesh, colors: Host) -> dict[str, Split]:
    """A row for each pixel: `origin`, `way` `(3,)` and `color` uint8; the test's in their order."""
    assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
    size, count = cfg.data.size(64)[0], cfg.views + cfg.test_views
    turns = eye_turns(np.random.default_rng(cfg.seed).random((count, 2)))
    parts = {"train": turns[: cfg.views], "test": turns[cfg.views :]}
    sources = {}
    for role, rotations in parts.items():
        rows = [
            view_rows(mesh, r, size, color=colors, light=LIGHT, ground=GROUND) for r in rotations
        ]
        sources[role] = ArraySource({k: np.concatenate([row[k] for row in rows]) for k in rows[0]})
    opened = Dataset(sources, synthetic=f"synthetic {cfg.solid}, views of seed {cfg.seed}")
    assigned = assign_splits(opened, cfg.data)
    return {role: place_split(opened, part, cfg.data) for role, part in assigned.items()}


def make_prepare(samples: int) -> Prepare:
    """`image`: places and directions for the network; `t`: how far the places are."""

    def prepare(keys: Key, batch: Batch, *, train: bool) -> Batch:
        if train:
            t = jax.vmap(lambda key: stratified(key, NEAR, FAR, samples))(keys)
        else:
            t = jnp.broadcast_to(stratified(None, NEAR, FAR, samples), (len(batch["way"]), samples))
        places = places_along(batch["origin"], batch["way"], t)
        color = batch["color"].astype(jnp.float32) / 255
        return {"image": {"place": places, "way": batch["way"]}, "t": t, "color": color}

    return prepare


class ViewEvaluator(Evaluator):
    """PSNR over views that were not learned from, and pictures from all around."""

    def __init__(self, cfg: Config, model: RadianceField, prepare: Prepare, mesh: Mesh):
        assert isinstance(cfg.data, SolidsData), "Config.data is of solids"
        self.cfg, self.model, self.prepare, self.mesh = cfg, model, prepare, mesh
        self.size = cfg.data.size(64)[0]
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=2048)
        self.program = jax.jit(self._row)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        field: Any = self.model.apply(variables, batch["image"], train=False)
        seen = look_through(field, batch["t"], FAR, GROUND / 255)
        return {"seen": seen.color, "color": batch["color"]}

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """The pictures `seen` and the true ones, `color`: `(V, S, S, 3)`."""
        shape = (-1, self.size, self.size, 3)
        return {k: v.reshape(shape) for k, v in self.rows_of(state, split).items()}

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """PSNR in dB, the mean and the least over views; that of an empty picture beside it."""
        of_views = psnr(rows["seen"], rows["color"])
        empty = psnr(np.full_like(rows["color"], GROUND / 255), rows["color"])
        return {
            "psnr": float(of_views.mean()),
            "least_psnr": float(of_views.min()),
            "empty_psnr": float(empty.mean()),
        }

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`views.png`, true above, learned below, and `turntable.gif`, the truth at the right."""
        rows = self.rows(state, split)
        pair = np.concatenate([rows["color"], rows["seen"]])
        views = save_image(
            tile_images(to_bytes(pair), len(rows["seen"])), folder / "views.png", scale=2
        )
        return [views, self.turntable(state, folder / "turntable.gif")]

    def turntable(self, state: TrainState, path: Path) -> Path:
        """Both from all around, a little above."""
        from PIL import Image

        _, colors = the_solid(self.cfg.solid)
        frames = []
        for rotation in eye_turns(np.stack([np.arange(FRAMES) / FRAMES, np.full(FRAMES, 0.5)], 1)):
            true = view_rows(
                self.mesh, rotation, self.size, color=colors, light=LIGHT, ground=GROUND
            )
            rays = pixel_rays(self.size, rotation)._asdict() | {"color": true["color"]}
            batch = self.prepare(jax.random.split(jax.random.key(0), 1), rays, train=False)
            learned = to_bytes(self.program(state.variables, batch)["seen"])
            both = [p.reshape(self.size, self.size, 3) for p in (learned, true["color"])]
            picture = np.concatenate(both, axis=1).repeat(3, axis=0).repeat(3, axis=1)
            frames.append(Image.fromarray(picture))
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=80, loop=0)
        return path


if __name__ == "__main__":
    main(__file__)
