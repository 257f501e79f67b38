"""A look at a data set: what its splits hold, in words and as a picture."""

from collections.abc import Mapping

import numpy as np

from jaxdl.data.split import Split
from jaxdl.draw import Figure, draw_grid

SHOWN = 36


def describe(splits: Mapping[str, Split]) -> str:
    """Rows, shapes, dtypes and ranges of every array, and how often each class occurs."""
    lines = []
    for role, split in splits.items():
        lines.append(f"{role}: {split.size} rows ({split.name})")
        for name, value in split.arrays.items():
            low, high = value.min(), value.max()
            mean = f", mean {value.mean():.4g}" if name != "label" else ""
            lines.append(f"  {name}: {value.dtype} {value.shape[1:]}, {low}..{high}{mean}")
        if "label" in split.arrays:
            counts = np.bincount(split.arrays["label"], minlength=len(split.classes))
            named = (f"{c} {n}" for c, n in zip(split.classes, counts, strict=True))
            lines.append("  " + ", ".join(named))
    return "\n".join(lines)


def draw_examples(split: Split, *, title: str = "") -> Figure:
    """The first batch of an epoch, with labels."""
    rows = split.indices(0).ravel()[:SHOWN]
    images = [np.asarray(split.arrays["image"][i]) for i in rows]
    titles = [split.classes[split.arrays["label"][i]] for i in rows]
    return draw_grid(images, titles, title=title)
