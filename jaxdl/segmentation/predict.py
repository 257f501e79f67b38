"""A trained segmenter on a person's own pictures."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.images.letterbox import fit_size, letterbox
from jaxdl.data.images.transforms import resize
from jaxdl.draw import Figure, class_colors, class_legend, draw_grid, paint_classes
from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.segmentation.look import class_shares
from jaxdl.segmentation.task import SegmentationTask
from jaxdl.training.restore import RestoredRun
from jaxdl.typing import Array, Host

NAMED = 5  # classes of a picture that are named
LEAST = 0.005  # of its pixels, of a class that is named


def predict_files(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """The class of each pixel: a picture of it, `<number>_<name>.png`, and the numbers themselves
    as a PNG with a palette, `<number>_<name>_classes.png`; a line for each file.

    Pictures are brought to the size of training, and what is found back to their own.
    """
    split = run.task.splits["train"]
    height, width, channels = split.example["image"].shape
    pictures, lines = PictureFiles(files, channels=channels), []
    places, rows = itertools.count(), []
    for group, images in pictures:
        shares = find_shares(run, [letterbox(image, (height, width)) for image in images])
        for file, image, share in zip(group, images, shares, strict=True):
            inner = fit_size(image.shape[:2], (height, width), keep_shape=True)
            found = classes_at(share[: inner[0], : inner[1]], image.shape[:2])
            name = f"{next(places)}_{file.stem}"
            drawn = folder / f"{name}.png"
            draw_picture(image, found, split.classes).save(drawn, dpi=150)
            masks = folder / f"{name}_classes.png"
            save_classes(found, masks)
            rows.append(
                {
                    "file": str(file),
                    "shares": shares_of(found, split.classes),
                    "drawn": str(drawn),
                    "pixels": str(masks),
                }
            )
            lines.append(f"{file}: {describe(found, split.classes)}, drawn in {drawn}")
    return Predicted(lines, pictures.faults, rows)


def find_shares(run: RestoredRun, images: Sequence[Host]) -> Host:
    """The share of each class in uint8 images of the model's size: `(B, H, W, K)`.

    Raises DataError where one is a NaN.
    """
    task = run.task
    assert isinstance(task, SegmentationTask), "the run of a segmenter"
    model: Any = task.model

    @jax.jit
    def program(variables: Any, batch: Any) -> Array:
        keys = jax.random.split(jax.random.key(0), len(batch["image"]))
        seen = task.prepare(keys, batch, train=False)["image"]
        return class_shares(lambda x: model.apply(variables, x, train=False), seen, task.look)

    stacked = np.stack(images)
    batch = {"image": stacked, "segments": np.zeros(stacked.shape[:3], np.uint8)}
    shares = np.asarray(program(run.state.variables, batch))
    if not np.isfinite(shares).all():
        raise DataError(f"{run.folder}: the model gives scores that are not finite")
    return shares


def classes_at(shares: Host, size: tuple[int, int]) -> Host:
    """The class with the largest share at each pixel of another size: `(H, W, K)` -> uint8."""
    from jaxdl.ops.resize import resize as enlarge

    made = enlarge(jnp.asarray(shares)[None], size)[0]
    return np.asarray(jnp.argmax(made, axis=-1)).astype(np.uint8)


def shares_of(found: Host, classes: Sequence[str]) -> dict[str, float]:
    """The part of the pixels that each class has, of those that are there."""
    parts = np.bincount(found.ravel(), minlength=len(classes)) / found.size
    return {name: float(part) for name, part in zip(classes, parts, strict=True) if part}


def describe(found: Host, classes: Sequence[str]) -> str:
    """What part of the picture the largest classes have."""
    parts = np.bincount(found.ravel(), minlength=len(classes)) / found.size
    order = [i for i in np.argsort(-parts, kind="stable")[:NAMED] if parts[i] >= LEAST]
    return "  ".join(f"{classes[i]} {parts[i]:.1%}" for i in order)


def draw_picture(image: Host, found: Host, classes: Sequence[str]) -> Figure:
    """The picture, and the classes of its pixels laid over it, with their names."""
    height, width = image.shape[:2]
    small = 640 / max(height, width, 640)
    size = (max(1, round(small * height)), max(1, round(small * width)))
    image = resize(image, size)
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, found.shape, strict=True))
    found = found[rows[:, None], columns]
    cells = [image, paint_classes(image, found)]
    legend = class_legend(classes, found)
    return draw_grid(cells, ["picture", "found"], columns=2, cell=4.0, legend=legend)


def save_classes(found: Host, path: Path) -> None:
    """The numbers of the classes as a PNG whose palette has their colors."""
    from PIL import Image

    picture = Image.fromarray(found, mode="P")
    picture.putpalette(class_colors(256).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
