"""What the features of a pretrained net tell of photographs: jaxdl run hymenoptera_features.

Its first filters, its maps of one picture, the patches that move its units most, neighbors by
features and by pixels with how often their classes agree, and maps of all pictures.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError, check_at_least, unknown
from jaxdl.classic.features.pca import decorrelate, principal_components
from jaxdl.classic.features.tsne import tsne
from jaxdl.cli import main
from jaxdl.data.config import DataConfig, FolderData
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.load import load_splits
from jaxdl.draw import Figure, draw_grid, save_image, tile_images
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.interpret.features import (
    agreement,
    cut_patch,
    filter_pictures,
    neighbors_of_each,
    peaks,
)
from jaxdl.models.registry import ModelConfig, build_model
from jaxdl.models.summary.stage_windows import stage_field
from jaxdl.runs.results import Report
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.training.report import report_numbers
from jaxdl.typing import Host, Numbers, Tree

__all__ = ["Config", "run"]

GROUP, THUMB = 20, (48, 48)
PIXELS = (32, 32)  # of a picture whose pixels are compared: more would compare noise


@dataclass(frozen=True)
class Config:
    """Pictures with classes, a net, and what of it is looked at."""

    data: DataConfig = FolderData(path="hymenoptera.tar", image_size=(224,))
    image: ImageConfig = ImageConfig()
    model: ModelConfig = ModelConfig(name="squeezenet1_1")
    stage: str = "last"
    """Of the units and of the features, which are its means over positions."""
    neighbors: int = 5
    """Of each picture."""
    units: int = 8
    """How many are shown with the patches that move them most."""
    perplexity: float = 15.0
    """Of t-SNE."""
    rows: int = 0
    """How many pictures, from all splits together (default: all)."""
    seed: int = 0
    """Of the weights, where no file gives them."""

    def __post_init__(self) -> None:
        check_at_least("neighbors", self.neighbors, 1)
        check_at_least("units", self.units, 1)


def run(cfg: Config, run_dir: Path) -> Report:
    """Computes the features of all pictures, draws, and reports agreements."""
    began = time.perf_counter()
    splits = load_splits(cfg.data)
    batches = [split.batch(np.arange(split.size)) for split in splits.values()]
    images = np.concatenate([batch["image"] for batch in batches])
    labels = np.concatenate([batch["label"] for batch in batches])
    few = np.linspace(0, len(images) - 1, cfg.rows or len(images)).astype(int)
    images, labels = images[few], labels[few]
    model = build_model(cfg.model, num_classes=0)
    variables = jax.jit(lambda key, x: model.init(key, x, train=False))(
        jax.random.key(cfg.seed), jnp.zeros((1, *images.shape[1:]))
    )
    stages = compute(cfg, model, variables, images)
    name = choose_stage(cfg.stage, stages)
    maps = stages[name]
    features = maps.mean((1, 2))
    pixels = np.stack([resize_and_center_crop(image, PIXELS) for image in images]) / 255.0
    near = {
        "features": neighbors_of_each(
            features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12),
            cfg.neighbors,
        ),
        "pixels": neighbors_of_each(
            pixels.reshape(len(pixels), -1).astype(np.float32), cfg.neighbors
        ),
    }
    metrics: Numbers = {f"agreement_{k}": agreement(v, labels) for k, v in near.items()}
    counts = np.bincount(labels)
    metrics["agreement_chance"] = float(
        (counts * (counts - 1)).sum() / (len(labels) * (len(labels) - 1))
    )
    classes = splits["train"].classes
    draw_filters(variables, run_dir / "filters.png")
    draw_activations(images[0], stages, run_dir / "activations.png")
    field = stage_field(model, images.shape[1:], name)
    draw_patches(images, maps, field, cfg.units, run_dir / "patches.png")
    draw_neighbors(images, labels, near, classes, run_dir / "neighbors.png")
    draw_embeddings(images, labels, embeddings(cfg, features), run_dir / "embedding.png")
    total = time.perf_counter() - began
    return report_numbers(
        cfg,
        metrics,
        {"total": total},
        rows=len(images),
        params=variables["params"],
        synthetic=splits["train"].synthetic,
    )


def compute(cfg: Config, model: Any, variables: Tree, images: Host) -> dict[str, Host]:
    """Every stage that is a map: of the first picture, and of all for the one that is asked for."""
    prepare = prepare_images(cfg.image)

    @jax.jit
    def program(variables: Tree, rows: Any) -> dict[str, Any]:
        keys = jax.random.split(jax.random.key(0), len(rows))
        x = prepare(keys, {"image": rows}, train=False)["image"]
        found: Any = model.apply(variables, x, train=False, stages=True)
        return {name: value for name, value in found.items() if value.ndim == 4}

    first = jax.device_get(program(variables, jnp.asarray(images[:1])))
    if not first:
        raise UsageError(f"features: no stage of {cfg.model.name} is a map")
    name = choose_stage(cfg.stage, first)
    size = min(GROUP, len(images))
    asked = apply_in_batches(lambda rows: program(variables, images[rows])[name], len(images), size)
    return {**first, name: asked}


def choose_stage(asked: str, stages: dict[str, Any]) -> str:
    """The stage's name; "last" is the last that is a map."""
    if asked == "last":
        return list(stages)[-1]
    if asked not in stages:
        raise unknown("stage", asked, stages)
    return asked


def embeddings(cfg: Config, features: Host) -> dict[str, Host]:
    """Maps in the plane, `(N, 2)`, by name."""
    points = jnp.asarray((features - features.mean(0)) / (features.std(0) + 1e-6))
    linear = decorrelate(principal_components(points, num=2), points)
    bent, _ = tsne(points, perplexity=min(cfg.perplexity, (len(points) - 1) / 3))
    return {"principal components": np.asarray(linear), "t-SNE": np.asarray(bent)}


def draw_filters(variables: Tree, file: Path) -> None:
    """Those of the first convolution, the largest weight of each black or white, 0 gray."""
    leaves = jax.tree_util.tree_leaves_with_path(variables["params"])
    kernel = next(
        np.asarray(leaf) for _, leaf in leaves if leaf.ndim == 4 and leaf.shape[2] in (1, 3)
    )
    pictures = filter_pictures(kernel)
    save_image(tile_images(pictures, 8), file, scale=max(1, 400 // (8 * kernel.shape[0])))


def draw_activations(image: Host, stages: dict[str, Host], file: Path, most: int = 7) -> None:
    """A picture, and of every stage the maps of the channels that are highest in it."""
    cells, titles = [], []
    for name, maps in stages.items():
        order = np.argsort(-maps[0].max((0, 1)), kind="stable")[:most]
        shown = maps[0][..., order] / np.maximum(maps[0][..., order].max((0, 1)), 1e-12)
        rows = [np.clip(shown[..., i, None], 0, 1) for i in range(len(order))]
        cells += [image, *rows, *[np.ones((2, 2, 1))] * (most - len(rows))]
        titles += [name, *[f"channel {i}" for i in order], *[""] * (most - len(rows))]
    draw_grid(cells, titles, columns=most + 1, title="the highest channels of each stage").save(
        file
    )


def draw_patches(images: Host, maps: Host, field: Any, units: int, file: Path) -> None:
    """A row for each unit: what it sees where it is highest, of the pictures that move it most."""
    chosen = np.argsort(-maps.max((0, 1, 2)), kind="stable")[:units]
    cells, titles = [], []
    for unit in chosen:
        best = peaks(maps[..., unit], 8)
        patches = [cut_patch(images[peak.picture], field, peak.place) for peak in best]
        cells += [resize_and_center_crop(patch, (96, 96)) for patch in patches]
        titles += [f"unit {unit}: {peak.value:.1f}" for peak in best]
    columns = len(cells) // len(chosen)
    draw_grid(cells, titles, columns=columns, title="patches that move a unit most").save(file)


def draw_neighbors(
    images: Host, labels: Host, near: dict[str, Host], classes: tuple[str, ...], file: Path
) -> None:
    """Pictures far apart in the set, each with its neighbors by features and by pixels."""
    chosen = np.linspace(0, len(images) - 1, 4).astype(int)
    cells, titles = [], []
    for row in chosen:
        for kind, neighbors in near.items():
            places = [row, *neighbors[row]]
            cells += [resize_and_center_crop(images[i], (96, 96)) for i in places]
            titles += [f"{classes[labels[row]]}, by {kind}"]
            titles += [classes[labels[i]] for i in neighbors[row]]
    draw_grid(cells, titles, columns=len(cells) // (4 * len(near)), title="nearest pictures").save(
        file
    )


def draw_embeddings(images: Host, labels: Host, points: dict[str, Host], file: Path) -> None:
    """Small pictures at their places, framed in the color of their class."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    figure = Figure(1, len(points), size=(6.5 * len(points), 6.5))
    small = [resize_and_center_crop(image, THUMB) for image in images]
    for axis, (name, places) in zip(figure.axes, points.items(), strict=True):
        axis.scatter(*places.T, s=1)
        for image, label, place in zip(small, labels, places, strict=True):
            flat = image[..., 0] if image.shape[-1] == 1 else image
            frame = {"edgecolor": f"C{label % 10}", "linewidth": 1.5}
            box = AnnotationBbox(
                OffsetImage(flat, zoom=0.5, cmap="gray"), tuple(place), pad=0.1, bboxprops=frame
            )
            axis.add_artist(box)
        axis.set(title=name, xticks=[], yticks=[])
    figure.save(file, dpi=80)


if __name__ == "__main__":
    main(__file__)
