"""A table in place of the diabetes file: eight numbers and a class that some of them tell."""

import gzip

import numpy as np


def write_table(path, classes=2, rows=200):
    """Writes `rows` lines without a header, the class last."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 8)).round(3)
    label = np.clip(np.floor(x[:, 0] + x[:, 1] + 0.5).astype(int), 0, classes - 1)
    lines = [",".join(map(str, [*numbers, k])) for numbers, k in zip(x, label, strict=True)]
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")
