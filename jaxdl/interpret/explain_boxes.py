"""Pictures in files, and for each of a detector's boxes in them the maps of why it is there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.interpret.attribution.methods import METHODS, MethodOptions, explain
from jaxdl.interpret.boxes import BoxModel, BoxScore
from jaxdl.interpret.explain_files import Explained, save, short
from jaxdl.interpret.network import Network
from jaxdl.interpret.subjects import find_class
from jaxdl.typing import Array, Batch, Host, Tree

MOST = 4  # boxes of a picture
STAGED = ("gradcam", "cam", "guided_gradcam")  # these need named stages, which detectors lack
OF_SCORES = tuple(name for name in METHODS if name not in STAGED)


@dataclass(frozen=True)
class BoxSubject:
    """A detector: `fit` brings a picture to its size, `find` gives the boxes of such pictures,
    `prepare` what it is given of them, `candidates` all boxes before any is left out.
    """

    find: Callable[[Sequence[Host]], list[dict[str, Host]]]
    prepare: Callable[[Sequence[Host]], Batch]
    fit: Callable[[Host], Host]
    candidates: Callable[[Tree, Batch], tuple[Array, Array, Array]]
    variables: Tree
    classes: tuple[str, ...]
    channels: int
    least: float
    """The score of a box that counts."""


def explain_boxes(
    subject: BoxSubject,
    files: Sequence[Path],
    methods: Sequence[str],
    folder: Path,
    *,
    target: str = "",
    options: MethodOptions = MethodOptions(),
) -> Predicted:
    """Maps of `BoxScore` of the surest boxes of each picture, `MOST` at most.

    `target` is the class that they must be of. Writes `folder/sheet.png`, a row for each box, and
    `folder/maps.npz`. Files that are no pictures are left out, and named.
    """
    wanted = find_class(target, subject.classes) if target else None
    found, lines, rows = PictureFiles(files, channels=subject.channels), [], []
    model = BoxModel(subject.candidates)
    for group, images in found:
        for file, image in zip(group, images, strict=True):
            fitted = subject.fit(image)
            chosen = surest(subject.find([fitted])[0], subject.least, wanted)
            lines.append(f"{file}  {len(chosen['scores'])} boxes of {subject.least:.0%} or more")
            if len(chosen["scores"]):
                maps = maps_of_boxes(subject, model, fitted, chosen, methods, options)
                rows += describe_rows(file, fitted, chosen, maps, subject.classes)
    if not rows:
        return Predicted(lines, found.faults)
    lines += [f"  {row['title'].replace(chr(10), ': ')}" for row in rows]
    explained = Explained(
        [row["title"] for row in rows],
        np.stack([row["picture"] for row in rows]),
        {name: np.stack([row["maps"][name] for row in rows]) for name in methods},
        {key: np.stack([row[key] for row in rows]) for key in ("name", "box", "label", "score")},
        [row["outline"] for row in rows],
    )
    return Predicted([*lines, *save(explained, folder)], found.faults)


def surest(row: Mapping[str, Host], least: float, wanted: int | None) -> dict[str, Host]:
    """The boxes, scores and labels of a picture that count, the surest first."""
    kept = row["valid"] & (row["scores"] >= least)
    if wanted is not None:
        kept &= row["labels"] == wanted
    order = np.flatnonzero(kept)[np.argsort(-row["scores"][kept], kind="stable")][:MOST]
    return {name: row[name][order] for name in ("boxes", "scores", "labels")}


def maps_of_boxes(
    subject: BoxSubject,
    model: BoxModel,
    fitted: Host,
    chosen: Mapping[str, Host],
    methods: Sequence[str],
    options: MethodOptions,
) -> dict[str, Host]:
    """`(boxes, H, W)` by each method; always `MOST` boxes are computed, so that one program is."""
    count = len(chosen["scores"])
    places = np.minimum(np.arange(MOST), count - 1)
    score = BoxScore(jnp.asarray(chosen["boxes"][places]), jnp.asarray(chosen["labels"][places]))
    batch: dict[str, Any] = dict(subject.prepare([fitted]))
    image = jnp.asarray(batch.pop("image"))
    network = Network({"model": subject.variables, "given": batch}, model)  # type: ignore[arg-type]
    images = jnp.repeat(image, MOST, axis=0)
    return {
        name: np.asarray(explain(name, network, images, score, options))[:count] for name in methods
    }


def describe_rows(
    file: Path,
    fitted: Host,
    chosen: Mapping[str, Host],
    maps: Mapping[str, Host],
    classes: Sequence[str],
) -> list[dict[str, Any]]:
    """What the sheet and the arrays have of each box."""
    rows = []
    for i, (box, score, label) in enumerate(
        zip(chosen["boxes"], chosen["scores"], chosen["labels"], strict=True)
    ):
        row, column = np.mgrid[: fitted.shape[0], : fitted.shape[1]] + 0.5
        outline = (box[0] <= column) & (column < box[2]) & (box[1] <= row) & (row < box[3])
        rows.append(
            {
                "title": f"{short(file.name)}\n{classes[int(label)]} {score:.0%}",
                "picture": fitted,
                "outline": outline,
                "maps": {name: values[i] for name, values in maps.items()},
                "name": np.array(str(file)),
                "box": box,
                "label": label,
                "score": score,
            }
        )
    return rows
