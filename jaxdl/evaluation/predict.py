"""A trained classifier on a person's own image files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.training.restore import RestoredRun


def predict_paths(run: RestoredRun, files: Sequence[Path]) -> str:
    """One line per file: the three likeliest classes. An experiment may have its own `predict`.

    Raises DataError, naming the file, where one cannot be read.
    """
    split, model = run.task.splits["train"], run.task.model
    assert model is not None, "the run of a model"
    height, width, channels = split.example["image"].shape
    images = [decode_image(file, channels=channels) for file in files]
    batch = {
        "image": np.stack([resize_and_center_crop(image, (height, width)) for image in images])
    }
    keys = jax.random.split(jax.random.key(0), len(files))
    pixels = run.task.prepare(keys, batch, train=False)["image"]
    logits: Any = model.apply(run.state.variables, pixels, train=False)
    lines = []
    for file, row in zip(files, np.asarray(jax.nn.softmax(logits)), strict=True):
        best = np.argsort(-row)[:3]
        lines.append(f"{file}  " + "  ".join(f"{split.classes[i]} {row[i]:.1%}" for i in best))
    return "\n".join(lines)
