"""Evaluation of a detector: mean average precision, and pictures of what it found."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.data.images.draw_objects import draw_objects, object_legend
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.splits.split import Split
from jaxdl.detection.evaluate_instances import (
    SHADES,
    annotated_areas,
    keypoint_numbers,
    mask_numbers,
    mask_rows,
    object_flags,
    place_masks,
    sure_points,
)
from jaxdl.draw import Figure, draw_grid
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.metrics.coco_ap import box_areas, coco_precision
from jaxdl.metrics.voc_ap import (
    ImageDetections,
    ImageGroundTruth,
    average_precisions,
    mean_of,
    precision_recall,
)
from jaxdl.training.state import TrainState
from jaxdl.typing import Array, Batch, Host, Numbers, Prepare, Tree

TRUTH = ("boxes", "labels", "kept", "difficult", "crowd", "areas", "scale", "points", "visible")
SHOWN = 12  # pictures
SURE = 0.3  # the least score of a box that is drawn


class DetectionEvaluator(Evaluator):
    """`(state, split, folder) -> numbers`, over every row of the split.

    `map50` is VOC's mean average precision at IoU .5 (all points), `map50_11` that of VOC 2007;
    `ap` ... are COCO's, in pixels of the file where the set says how it was scaled. `mask_map50`,
    `mask_ap` ... and `keypoint_ap`, `keypoint_ap50` ... stand beside them where the detector gives
    masks or points and the rows have true ones. In `folder`: predictions and ground truth,
    precision over recall, heat maps where there are any.
    """

    def __init__(
        self,
        detect: Callable[[Tree, Batch], Any],
        prepare: Prepare,
        *,
        batch_size: int = 32,
        maps: Callable[[Tree, Batch], dict[str, Array]] = lambda variables, batch: {},
    ):
        """`detect(variables, prepared batch) -> Detections`; `maps` as in `Detector`."""
        self.detect, self.maps = detect, maps
        self.rows_of = RowEvaluator(self._row, prepare, batch_size=batch_size)

    def _row(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        found = self.detect(variables, batch)
        kept = {name: batch[name] for name in TRUTH if name in batch}
        made = {f"found_{name}": v for name, v in found._asdict().items() if v is not None}
        if found.masks is not None and "masks" in batch:
            made |= mask_rows(found, batch)
        return made | kept | self.maps(variables, batch)

    def rows(self, state: TrainState, split: Split) -> dict[str, Host]:
        """Detections (`found_...`), truth and maps of every row."""
        return self.rows_of(state, split)

    def numbers(self, split: Split, rows: dict[str, Host]) -> Numbers:
        """Mean average precisions; those that COCO leaves undefined are left out."""
        found, truth = unpad(rows)
        count = len(split.classes)
        every, eleven = (
            mean_of(average_precisions(found, truth, count, points=p)) for p in ("all", "11")
        )
        numbers = coco_precision(found, truth, count)
        if "mask_shared" in rows:
            numbers |= mask_numbers(rows, count)
        if {"found_points", "points"} <= rows.keys():
            numbers |= keypoint_numbers(rows, count, split.skeleton)
        return {"map50": every, "map50_11": eleven} | {k: v for k, v in numbers.items() if v >= 0}

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Host], folder: Path
    ) -> None:
        """`predictions.png`, `heat.png` where there is heat, and `precision_recall.png`."""
        draw_first(rows, split, folder / "predictions.png", folder / "heat.png")
        figure = draw_precision_recall(*unpad(rows), split.classes)
        figure.save(folder / "precision_recall.png")

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """`predictions.png` and `heat.png` of the first rows."""
        chosen = np.arange(min(SHOWN, split.size))
        rows = self.rows_of(state, split.take(chosen, name="shown"))
        return draw_first(rows, split, folder / "predictions.png", folder / "heat.png")


def unpad(rows: Mapping[str, Host]) -> tuple[list[ImageDetections], list[ImageGroundTruth]]:
    """What `DetectionEvaluator` collected, picture by picture, in pixels of the file."""
    found, truth = [], []
    for i, (valid, kept) in enumerate(zip(rows["found_valid"], rows["kept"], strict=True)):
        scale = np.tile(rows["scale"][i], 2).astype(np.float64) if "scale" in rows else 1.0
        found.append(
            ImageDetections(
                rows["found_boxes"][i][valid] / scale,
                rows["found_scores"][i][valid],
                rows["found_labels"][i][valid],
            )
        )
        boxes, hard = rows["boxes"][i][kept] / scale, object_flags(rows, "difficult", i)
        areas = annotated_areas(rows, i, box_areas(boxes))
        crowd = object_flags(rows, "crowd", i)
        truth.append(ImageGroundTruth(boxes, rows["labels"][i][kept], hard, areas, crowd))
    return found, truth


def draw_first(rows: Mapping[str, Host], split: Split, predictions: Path, heat: Path) -> list[Path]:
    """What `DetectionEvaluator` collected of the first pictures of `split`, into the files.

    The file of the heat is written where there is any; returns those that are.
    """
    chosen = np.arange(min(SHOWN, split.size))
    batch = split.batch(chosen)
    images, masks = batch["image"], {k: v for k, v in batch.items() if k == "masks"}
    shown = [{k: v[i] for k, v in {**rows, **masks}.items()} for i in chosen]
    figure = draw_predictions(images, shown, split.classes, split.skeleton)
    made = [figure.save(predictions, dpi=160)]
    if "heat" in rows:
        made.append(draw_heat(images, rows["heat"]).save(heat, dpi=160))
    return made


def draw_predictions(
    images: Sequence[Host] | Host,
    rows: Sequence[Mapping[str, Host]],
    classes: Sequence[str],
    skeleton: Skeleton | None = None,
) -> Figure:
    """Each picture twice: with its true objects, then with those found, and their scores."""
    found = [found_objects(row, images[i].shape[:2]) for i, row in enumerate(rows)]
    figure = _draw_pairs(images, ["truth", "found"], object_legend([*rows, *found], classes))
    for i, row in enumerate(rows):
        draw_objects(figure.axes[2 * i], row, classes, skeleton)
        draw_objects(figure.axes[2 * i + 1], found[i], classes, skeleton)
    return figure


def found_objects(row: Mapping[str, Host], size: tuple[int, int]) -> dict[str, Host]:
    """The detections of one row that are sure enough, as `draw_objects` takes them."""
    sure = row["found_valid"] & (row["found_scores"] >= SURE)
    made = {name: row[f"found_{name}"] for name in ("boxes", "labels", "scores")} | {"kept": sure}
    if "found_masks" in row:
        shades = row["found_masks"] / np.float32(SHADES)
        made["masks"] = place_masks(shades, made["boxes"], sure, size)
    if "found_points" in row:
        made |= sure_points(row["found_points"])
    return made


def draw_heat(images: Sequence[Host] | Host, heat: Host) -> Figure:
    """Each picture, and its heat `(h, w)` laid over it."""
    figure = _draw_pairs(images, ["picture", "heat"])
    for axis, image, values in zip(figure.axes[1::2], images, heat, strict=False):
        extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        axis.imshow(values, cmap="inferno", vmin=0, vmax=1, alpha=0.7, extent=extent)
    return figure


def _draw_pairs(
    images: Sequence[Host] | Host, titles: list[str], legend: Mapping[str, Host] | None = None
) -> Figure:
    """Each picture twice, under two titles."""
    doubled = [image for image in images for _ in range(2)]
    columns = min(6, len(doubled))
    return draw_grid(doubled, titles * len(images), columns=columns, legend=legend)


def draw_precision_recall(
    found: Sequence[ImageDetections], truth: Sequence[ImageGroundTruth], classes: Sequence[str]
) -> Figure:
    """Precision over recall of each class that occurs, at IoU .5 and .75."""
    figure = Figure(1, 2, size=(9, 4))
    for axis, threshold in zip(figure.axes, (0.5, 0.75), strict=True):
        for k, name in enumerate(classes):
            curve = precision_recall(found, truth, k, threshold=threshold)
            if curve is not None and len(curve.recall):
                axis.step(curve.recall, curve.precision, where="pre", label=name, linewidth=1)
        axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", title=f"IoU {threshold}")
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel("precision")
    if len(classes) <= 20 and figure.axes[0].lines:
        figure.axes[0].legend(fontsize=6)
    return figure
