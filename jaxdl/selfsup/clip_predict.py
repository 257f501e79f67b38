"""A CLIP on a person's own pictures: which of their own labels fits each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.data.captions import UNKNOWN, encode_captions, split_words
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.evaluation.picture_files import PictureFiles, Predicted, Sheet
from jaxdl.evaluation.predict import ranked
from jaxdl.losses.contrastive import MAX_SCALE
from jaxdl.say import say_once
from jaxdl.selfsup.clip import CLIP
from jaxdl.training.restore import RestoredRun
from jaxdl.training.task import example_batch
from jaxdl.typing import Host


def encode_labels(labels: Sequence[str], vocabulary: Sequence[str], length: int) -> Host:
    """Ids `(labels, length)`; words that the model has never read are said, and read as <UNK>.

    Raises UsageError for fewer than two labels, one that is empty, is there twice, is too long, or
    has no word that is known.
    """
    texts = [" ".join(split_words(label)) for label in labels]
    if empty := [place for place, text in enumerate(texts, 1) if not text]:
        raise UsageError(f"--labels: label {empty[0]} of {len(texts)} has no words")
    if len(texts) < 2:
        raise UsageError(f"--labels: give two or more to choose between, got {labels[0]!r} alone")
    if twice := [text for i, text in enumerate(texts) if text in texts[:i]]:
        raise UsageError(f"--labels: {twice[0]!r} is there twice")
    known = set(vocabulary)
    for text in texts:
        words = text.split()
        strange = [word for word in words if word not in known]
        if len(strange) == len(words):
            raise UsageError(
                f"--labels: the run knows no word of {text!r}; its {len(known)} words are such as "
                f"{', '.join(vocabulary[UNKNOWN + 1 : UNKNOWN + 13])}"
            )
        if len(words) > length - 2:
            raise UsageError(
                f"--labels: {text!r} has {len(words)} words, the run reads {length - 2} at most"
            )
        if strange:
            say_once(f"predict: the run has never read {', '.join(strange)} (in {text!r})")
    return encode_captions(texts, vocabulary, length)[0]


def predict_labels(
    run: RestoredRun, files: Sequence[Path], folder: Path, labels: Sequence[str]
) -> Predicted:
    """The share of each label for each picture, the highest first; a sheet in `folder/sheet.png`.

    Shares are the softmax of the cosines times the learned scale (section 3.1.2 of the paper).
    """
    task, variables = run.task, run.state.variables
    model, split = task.model, task.splits["train"]
    assert isinstance(model, CLIP), "the experiment trains no other"
    labels = [label.strip() for label in labels]
    ids = encode_labels(labels, split.vocabulary, split.example["captions"].shape[1])
    texts = np.asarray(jax.jit(lambda v: model.apply(v, ids, method=CLIP.encode_text))(variables))
    scale = min(float(np.exp(variables["params"]["log_scale"])), MAX_SCALE)

    @jax.jit
    def encode(variables: Any, batch: Any) -> Any:
        keys = jax.random.split(jax.random.key(0), len(batch["image"]))
        seen = task.prepare(keys, batch, train=False)["inputs"][0]
        return model.apply(variables, seen, method=CLIP.encode_image)

    height, width, channels = split.example["image"].shape
    pictures, sheet, lines = PictureFiles(files, channels=channels), Sheet(), []
    rows: list[dict[str, Any]] = []
    for group, images in pictures:
        cut = np.stack([resize_and_center_crop(image, (height, width)) for image in images])
        batch = {**example_batch(split, len(cut)), "image": cut}
        shares = np.asarray(jax.nn.softmax(scale * np.asarray(encode(variables, batch)) @ texts.T))
        if not np.isfinite(shares).all():
            raise DataError(f"{run.folder}: the model gives scores that are not finite")
        for file, image, row in zip(group, images, shares, strict=True):
            said = [f"{labels[i]} {row[i]:.1%}" for i in np.argsort(-row, kind="stable")]
            lines.append(f"{file}  {'  '.join(said)}")
            rows.append({"file": str(file), "classes": ranked(row, labels)})
            sheet.add(image, "\n".join([file.name, *said[:2]]))
    return Predicted([*lines, *sheet.save(folder / "sheet.png")], pictures.faults, rows)
