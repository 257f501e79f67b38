"""Pictures of shapes and their masks as files."""

from pathlib import Path

import numpy as np
from PIL import Image

from jaxdl.data.synthetic.shapes import Shapes

SIZE = (30, 40)


def write_pairs(folder: Path, count: int = 6, *, first: int = 0, mark: str = "") -> dict:
    """`images/<number>.png` and `masks/<number><mark>.png` below `folder`; the rows."""
    made = Shapes(first + count, image_size=SIZE, fields=("image", "segments"))
    rows = made.rows(np.arange(first, first + count))
    for inner in ("images", "masks"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(rows["image"][i]).save(folder / "images" / f"{i}.png")
        mask = Image.fromarray(rows["segments"][i])
        mask.putpalette(list(range(256)) * 3)
        mask.save(folder / "masks" / f"{i}{mark}.png")
    return rows
