"""The embedded set: 1,797 real scans of handwritten digits, 8x8, that come with scikit-learn."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from jaxdl.checks import require
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.split import stratified_split
from jaxdl.typing import Host

CLASSES = tuple("0123456789")
TEST_ROWS = 360


def open_digits() -> Dataset:
    """See `load_digits`."""
    tables, classes = load_digits()
    return Dataset({split: ArraySource(arrays) for split, arrays in tables.items()}, classes)


def load_digits() -> tuple[dict[str, dict[str, Host]], tuple[str, ...]]:
    """`{"train": ..., "test": ...}` of `image (N, 8, 8, 1)` uint8 and `label (N,)` int32; classes.

    1,437 and 360 rows, stratified by label, always the same ones. Gray levels 0..16 become 0..255.
    """
    table = _table()
    pixels, labels = table[:, :-1], table[:, -1]
    image = np.round(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    label = labels.astype(np.int32)
    train, test = stratified_split(label, TEST_ROWS, seed=0)
    rows = {"train": train, "test": test}
    return {k: {"image": image[i], "label": label[i]} for k, i in rows.items()}, CLASSES


def _table() -> Host:
    """64 gray levels and the label of each scan, `(1797, 65)`."""
    spec = importlib.util.find_spec("sklearn")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    file = folder / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():  # without scikit-learn's import, which takes three seconds
        with gzip.open(file) as stream:
            return np.loadtxt(stream, delimiter=",")
    pixels, labels = require("sklearn.datasets", "scikit-learn", "digits").load_digits(
        return_X_y=True
    )
    return np.column_stack([pixels, labels])
