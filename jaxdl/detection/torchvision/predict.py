"""torchvision's detectors, with a file of their weights, on a person's own pictures."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.data.skeleton import PERSON
from jaxdl.detection.predict import in_picture, plain_objects, say_and_draw
from jaxdl.detection.torchvision.load import find_detector, load_detector
from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.models.weights.weights_folder import find_weights


def predict_with_detector(name: str, given: str, files: Sequence[Path], folder: Path) -> Predicted:
    """What the detector `name` finds, drawn into `folder/<number>_<name>.png`; a line for each file
    and each box, after those that say what was used.

    `given` is a file of weights or the name of one in `JAXDL_WEIGHTS_DIR`; what counts and how it
    is drawn is as in `predict_files`. Raises CheckpointError where the file is not of such a
    detector or the scores are not finite.
    """
    find_detector(name)
    path = find_weights(given)
    detector = load_detector(path, name)
    how = detector.published.pictures
    size = f"{how.fixed[0]} x {how.fixed[1]}" if how.fixed else f"shorter side {how.shorter}"
    lines = [f"weights {path}: {name}, {detector.num_classes} classes; pictures: {size}"]
    lines += [f"  {line}" for line in detector.said]
    pictures, places, made = PictureFiles(files), itertools.count(), []
    for group, images in pictures:
        for file, image in zip(group, images, strict=True):
            found = detector([image])._asdict()
            row = {key: np.asarray(v)[0] for key, v in found.items() if v is not None}
            if np.isnan(row["scores"]).any():
                raise CheckpointError(f"weights {path}: {name} gives scores that are not finite")
            row = in_picture(row, (image.shape[0], image.shape[1]), np.ones(2))
            out = folder / f"{next(places)}_{file.stem}.png"
            is_person = "points" in row and row["points"].shape[1] == len(PERSON.names)
            skeleton = PERSON if is_person else None
            lines += say_and_draw(file, image, row, detector.classes, out, skeleton)
            objects = plain_objects(row, detector.classes)
            made.append({"file": str(file), "objects": objects, "drawn": str(out)})
    return Predicted(lines, pictures.faults, made)
