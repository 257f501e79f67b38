"""A trained detector on a person's own pictures."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import clip_boxes
from jaxdl.data.images.draw_objects import draw_objects, object_legend
from jaxdl.data.images.letterbox import letterbox, letterbox_scale
from jaxdl.data.skeleton import Skeleton
from jaxdl.detection.evaluate import SURE
from jaxdl.detection.evaluate_instances import place_masks, sure_points
from jaxdl.detection.task import DetectionTask
from jaxdl.draw import Figure, add_legend
from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.training.restore import RestoredRun
from jaxdl.typing import Batch, Host


def predict_files(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """Draws what is found into `folder/<number>_<name>.png`; one line per file, and one per box.

    A box counts from a score of `SURE` on; where there is none, the best score is said.
    """
    split = run.task.splits["train"]
    height, width, channels = split.example["image"].shape
    pictures, lines = PictureFiles(files, channels=channels), []
    places, made = itertools.count(), []
    for group, images in pictures:
        rows = find_boxes(run, [letterbox(image, (height, width)) for image in images])
        for file, image, row in zip(group, images, rows, strict=True):
            size = image.shape[0], image.shape[1]
            row = in_picture(row, size, letterbox_scale(size, (height, width)))
            out = folder / f"{next(places)}_{file.stem}.png"
            lines += say_and_draw(file, image, row, split.classes, out, split.skeleton)
            found = plain_objects(row, split.classes)
            made.append({"file": str(file), "objects": found, "drawn": str(out)})
    return Predicted(lines, pictures.faults, made)


def say_and_draw(
    file: Path,
    image: Host,
    row: Mapping[str, Host],
    classes: Sequence[str],
    out: Path,
    skeleton: Skeleton | None = None,
) -> list[str]:
    """Draws what `in_picture` gave of a picture into `out`; the lines about it."""
    draw_picture(image, row, classes, skeleton).save(out, dpi=150)
    said = f"{file}: {describe_count(row)}, drawn in {out}"
    return [said, *describe_boxes(row, classes)]


def plain_objects(row: Mapping[str, Host], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The kept objects as plain values: class, score, box `x1, y1, x2, y2` in pixels of the file.

    With masks the number of their pixels, with points `x, y` of each, and whether it is seen.
    """
    objects = []
    for i in np.flatnonzero(row["kept"]):
        found: dict[str, Any] = {
            "class": classes[int(row["labels"][i])],
            "score": float(row["scores"][i]),
            "box": [float(v) for v in row["boxes"][i]],
        }
        if "masks" in row:
            found["mask_pixels"] = int(row["masks"][i].sum())
        if "visible" in row:
            found["keypoints"] = [
                {"x": float(x), "y": float(y), "seen": bool(seen)}
                for (x, y), seen in zip(row["points"][i][:, :2], row["visible"][i], strict=True)
            ]
        objects.append(found)
    return objects


def in_picture(row: Mapping[str, Host], size: tuple[int, int], scale: Host) -> dict[str, Host]:
    """What `find_boxes` gave of one picture as `draw_objects` takes it, in pixels of its file.

    `size`: its height and width; `scale` `(2,)`: what x and y were multiplied by for the model.
    """
    kept = row["valid"] & (row["scores"] >= SURE)
    boxes = (row["boxes"] / np.tile(scale, 2)).astype(np.float32)
    made = {**row, "boxes": boxes, "kept": kept}
    if "masks" in row:
        made["masks"] = place_masks(row["masks"], boxes, kept, size)
    made["boxes"] = clip_boxes(boxes, size)  # a letterbox shows more than the picture
    if "points" in row:
        made |= sure_points(row["points"] / np.append(scale, 1))
    return made


def describe_count(row: Mapping[str, Host]) -> str:
    """How many boxes are kept, of which score on; of none, how far the best is from that."""
    said = f"{row['kept'].sum()} objects of {SURE:.0%} or more"
    if row["kept"].any():
        return said
    scores = row["scores"][row["valid"]]
    return f"{said} (best: {scores.max():.0%})" if len(scores) else f"{said} (none at all)"


def find_boxes(run: RestoredRun, images: Sequence[Host]) -> list[dict[str, Host]]:
    """The detections in uint8 images of the model's size, picture by picture.

    Raises DataError where a score, a mask or a point is a NaN.
    """
    task = run.task
    assert isinstance(task, DetectionTask), "the run of a detector"
    found = jax.jit(task.detect)(run.state.variables, prepared_batch(task, images))._asdict()
    host = {name: np.asarray(value) for name, value in found.items() if value is not None}
    for name in ("scores", "masks", "points"):
        if name in host and np.isnan(host[name]).any():
            raise DataError(f"{run.folder}: the detector gives {name} that are not finite")
    return [{name: value[i] for name, value in host.items()} for i in range(len(images))]


def prepared_batch(task: DetectionTask, images: Sequence[Host]) -> Batch:
    """What the detector is given of uint8 images of the model's size."""
    keys = jax.random.split(jax.random.key(0), len(images))
    batch = {"image": np.stack(images)}
    if task.propose is not None:
        batch |= task.propose(batch["image"])
    return task.prepare(keys, batch, train=False)


def describe_boxes(row: Mapping[str, Host], classes: Sequence[str]) -> list[str]:
    """A line per kept object: class, score, corners in pixels, pixels of its mask, sure points."""
    lines = []
    for i in np.flatnonzero(row["kept"]):
        box = ", ".join(f"{v:.0f}" for v in row["boxes"][i])
        line = f"  {classes[int(row['labels'][i])]} {row['scores'][i]:.0%} at {box}"
        if "masks" in row:
            mask = row["masks"][i]
            line += f", mask of {mask.sum()} pixels ({mask.mean():.1%})"
        if "visible" in row:
            line += f", {row['visible'][i].sum()} of {len(row['visible'][i])} keypoints seen"
        lines.append(line)
    return lines


def draw_picture(
    image: Host,
    row: Mapping[str, Host],
    classes: Sequence[str],
    skeleton: Skeleton | None = None,
) -> Figure:
    """One picture with its kept objects, and below it the colors of their classes."""
    legend, columns = object_legend([row], classes), 5
    below = 0.22 * -(-len(legend) // columns)  # inches
    height = 5 * image.shape[0] / image.shape[1] + below
    figure = Figure(size=(5, height), layout=None)
    figure.figure.subplots_adjust(0, below / height, 1, 1)
    (axis,) = figure.axes
    flat = image[..., 0] if image.shape[-1] == 1 else image
    axis.imshow(flat, cmap="gray", vmin=0, vmax=255)
    axis.set_axis_off()
    draw_objects(axis, row, classes, skeleton, letters=7)
    if legend:
        add_legend(figure, legend, columns=columns)
    return figure
