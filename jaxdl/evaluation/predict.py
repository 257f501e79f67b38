"""A trained classifier on a person's own files: pictures, folders of them, tables."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.table_form import TableForm
from jaxdl.data.tables.csv_table import read_inputs
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
    rows: list[dict[str, Any]] = []
    for group, images in pictures:
        cut = np.stack([resize_and_center_crop(image, (height, width)) for image in images])
        for file, image, row in zip(group, images, program("image", cut), strict=True):
            said = describe(row, split.classes)
            lines.append(f"{file}  {'  '.join(said)}")
            rows.append({"file": str(file), "classes": ranked(row, split.classes)})
            sheet.add(image, "\n".join([file.name, *said[:2]]))
    return Predicted([*lines, *sheet.save(folder / "sheet.png")], pictures.faults, rows)


def predict_tables(run: RestoredRun, files: Sequence[Path]) -> Predicted:
    """The likeliest classes of each row of CSV files with the columns of training, on its scale."""
    split, program, lines = run.task.splits["train"], score_program(run, jax.nn.softmax), []
    made: list[dict[str, Any]] = []
    split.check_has("input")
    form = split.table or TableForm.plain(split.example["input"].shape[0])  # of an earlier version
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: there is no such table; this run reads CSV files")
        places, rows = read_inputs(file, form)
        rows = form.scaled(rows)
        for start in range(0, len(rows), 4096):
            scores = program("input", rows[start : start + 4096])
            for place, row in zip(places[start:], scores, strict=False):
                lines.append(f"{file}:{place}  {'  '.join(likeliest(row, split.classes))}")
                scored = ranked(row, split.classes)
                made.append({"file": str(file), "line": int(place), "classes": scored})
    return Predicted(lines, [], made)


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


def ranked(scores: Host, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Every class with its score `(K,)`, best first, as plain values."""
    order = np.argsort(-scores, kind="stable")
    return [{"class": classes[i], "score": float(scores[i])} for i in order]


def likeliest(scores: Host, classes: Sequence[str], most: int = BEST) -> list[str]:
    """The classes of the highest scores `(K,)`, best first."""
    return [f"{classes[i]} {scores[i]:.1%}" for i in np.argsort(-scores, kind="stable")[:most]]


def above_half(scores: Host, classes: Sequence[str]) -> list[str]:
    """The classes whose score is above one half, best first; the best one where there is none."""
    order = np.argsort(-scores, kind="stable")
    kept = [f"{classes[i]} {scores[i]:.1%}" for i in order if scores[i] > 0.5]
    best = order[0]
    return kept or [f"none above 50% (nearest: {classes[best]} {scores[best]:.1%})"]
