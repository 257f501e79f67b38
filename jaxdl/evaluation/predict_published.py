"""A published net on a person's own pictures, without a run: its weights, its preprocessing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.evaluation.picture_files import PictureFiles, Predicted, Sheet
from jaxdl.evaluation.predict import likeliest, ranked
from jaxdl.models.weights.published import Weights, open_weights
from jaxdl.models.weights.weights_folder import find_weights

TOP = 5


def predict_published(
    name: str, given: str, files: Sequence[Path], folder: Path, **options: Any
) -> Predicted:
    """The five likeliest classes of each picture by the model `name` with the weights `given`.

    `given` is a file or the name of one in `JAXDL_WEIGHTS_DIR`; pictures go through what the file
    was trained with, and with their classes into `folder/sheet.png`. The first lines say what was
    used. Raises CheckpointError where the scores are not finite.
    """
    path = find_weights(given)
    weights = open_weights(path, name, **options)
    classes = weights.classes or tuple(f"class {i}" for i in range(weights.num_classes))
    model = weights.model()
    program = jax.jit(lambda v, x: jax.nn.softmax(model.apply(v, x, train=False)))
    pictures, sheet, lines = PictureFiles(files), Sheet(), describe_weights(path, weights)
    rows: list[dict[str, Any]] = []
    for group, images in pictures:
        scores = np.asarray(program(weights.variables, weights.preprocessing(images)))
        if not np.isfinite(scores).all():
            raise CheckpointError(f"weights {path}: {name} gives scores that are not finite")
        for file, image, row in zip(group, images, scores, strict=True):
            said = likeliest(row, classes, TOP)
            lines.append(f"{file}  {'  '.join(said)}")
            rows.append({"file": str(file), "classes": ranked(row, classes)[:TOP]})
            sheet.add(image, "\n".join([file.name, *said[:2]]))
    return Predicted([*lines, *sheet.save(folder / "sheet.png")], pictures.faults, rows)


def describe_weights(path: Path, weights: Weights) -> list[str]:
    """Which file is used, how pictures are brought to it, and what was done to it on the way."""
    how = weights.preprocessing
    options = "".join(f", {name} {value}" for name, value in weights.options.items())
    lines = [
        f"weights {path}: {weights.name}{options}, {weights.num_classes} classes; pictures: "
        f"shorter side {how.resize} ({how.interpolation}), the middle {how.size} x {how.size}"
    ]
    return [*lines, *(f"  {line}" for line in weights.said)]
