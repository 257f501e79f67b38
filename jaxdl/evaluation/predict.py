"""A trained classifier on a person's own files: pictures, folders of them, tables."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.csv_table import is_number, number, read_lines
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.evaluation.picture_files import GROUP, PictureFiles, Predicted, Sheet
from jaxdl.training.restore import RestoredRun
from jaxdl.training.task import example_batch
from jaxdl.typing import Host

BEST = 3  # classes that are named
Score = Callable[[Any], Any]  # logits -> scores, both (B, K)


def predict_classes(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """The likeliest classes of each picture, or of each row of a table.

    Pictures with their classes are drawn into `folder/sheet.png`.
    """
    if "image" in run.task.splits["train"].names:
        return predict_pictures(run, files, folder, jax.nn.softmax, likeliest)
    return predict_tables(run, files)


def predict_labels(run: RestoredRun, files: Sequence[Path], folder: Path) -> Predicted:
    """Every class that a picture is said to hold, each by itself, with the score."""
    return predict_pictures(run, files, folder, jax.nn.sigmoid, above_half)


def predict_pictures(
    run: RestoredRun, files: Sequence[Path], folder: Path, score: Score, describe: Any
) -> Predicted:
    """`describe(scores (K,), classes)` of each picture, cut to the model's size as in training."""
    split, program = run.task.splits["train"], score_program(run, score)
    height, width, channels = split.example["image"].shape
    pictures, sheet, lines = PictureFiles(files, channels=channels), Sheet(), []
    for group, images in pictures:
        cut = np.stack([resize_and_center_crop(image, (height, width)) for image in images])
        for file, image, row in zip(group, images, program("image", cut), strict=True):
            said = describe(row, split.classes)
            lines.append(f"{file}  {'  '.join(said)}")
            sheet.add(image, "\n".join([file.name, *said[:2]]))
    return Predicted([*lines, *sheet.save(folder / "sheet.png")], pictures.faults)


def predict_tables(run: RestoredRun, files: Sequence[Path]) -> Predicted:
    """The likeliest classes of each row of CSV files with the columns of training."""
    split, program, lines = run.task.splits["train"], score_program(run, jax.nn.softmax), []
    split.check_has("input")
    for file in files:
        places, rows = read_rows(file, split.example["input"].shape[0])
        for start in range(0, len(rows), 4096):
            scores = program("input", rows[start : start + 4096])
            for place, row in zip(places[start:], scores, strict=False):
                lines.append(f"{file}:{place}  {'  '.join(likeliest(row, split.classes))}")
    return Predicted(lines, [])


def score_program(run: RestoredRun, score: Score) -> Callable[[str, Host], Host]:
    """(entry of a row, its values `(B, ...)`) -> scores `(B, K)`, by the run's own preparation."""
    task, model = run.task, run.task.model
    assert model is not None, "the run of a model"

    @partial(jax.jit, static_argnums=1)
    def program(variables: Any, name: str, batch: Any) -> Any:
        keys = jax.random.split(jax.random.key(0), len(batch[name]))
        seen = task.prepare(keys, batch, train=False)["image"]
        return score(model.apply(variables, seen, train=False))

    def scores(name: str, values: Host) -> Host:
        rows = len(values)
        values = np.resize(values, (rows + -rows % GROUP, *values.shape[1:]))  # one program
        batch = {**example_batch(task.splits["train"], len(values)), name: values}
        made = np.asarray(program(run.state.variables, name, batch))[:rows]
        if not np.isfinite(made).all():
            raise DataError(f"{run.folder}: the model gives scores that are not finite")
        return made

    return scores


def read_rows(file: Path, width: int) -> tuple[list[int], Host]:
    """The lines of a CSV file and their inputs `(N, width)`; a further last column is not read.

    Raises DataError, naming file and line, where there are other columns or no numbers.
    """
    if not file.is_file():
        raise DataError(f"{file}: there is no such table; this run reads CSV files")
    lines = read_lines(file, ",")
    if not all(is_number(cell) for cell in lines[0][1][:width]):
        lines = lines[1:]  # the names of the columns
    found = len(lines[0][1]) if lines else 0
    if found not in (width, width + 1):
        raise DataError(
            f"{file}: {found} columns, but the run was trained on {width} numbers (a label behind "
            "them may stay, it is not read)"
        )
    names = [f"column {i}" for i in range(1, width + 1)]
    rows = [
        [number(file, line, name, cell) for name, cell in zip(names, line[1], strict=False)]
        for line in lines
    ]
    return [place for place, _ in lines], np.array(rows, np.float32)


def likeliest(scores: Host, classes: Sequence[str], most: int = BEST) -> list[str]:
    """The classes of the highest scores `(K,)`, best first."""
    return [f"{classes[i]} {scores[i]:.1%}" for i in np.argsort(-scores, kind="stable")[:most]]


def above_half(scores: Host, classes: Sequence[str]) -> list[str]:
    """The classes whose score is above one half, best first; the best one where there is none."""
    order = np.argsort(-scores, kind="stable")
    kept = [f"{classes[i]} {scores[i]:.1%}" for i in order if scores[i] > 0.5]
    best = order[0]
    return kept or [f"none above 50% (nearest: {classes[best]} {scores[best]:.1%})"]
