"""Synthetic sets by name: made from a seed, with known answers."""

from functools import partial
from typing import Any

import numpy as np

from jaxdl.data.config import (
    DensityData,
    LanguageData,
    LineData,
    MovingData,
    ShapesData,
    SolidsData,
    SyntheticData,
    ToyData,
)
from jaxdl.data.source import ArraySource, Dataset, SubsetSource
from jaxdl.data.synthetic.actions import Actions
from jaxdl.data.synthetic.base import Generated
from jaxdl.data.synthetic.densities import Points
from jaxdl.data.synthetic.moving_digits import MovingDigits
from jaxdl.data.synthetic.moving_scenes import MovingScenes
from jaxdl.data.synthetic.moving_shapes import Moving
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.data.synthetic.solids import Solids
from jaxdl.data.synthetic.toy import CLASSES, make_toy
from jaxdl.data.synthetic.translation import Hello, Language
from jaxdl.data.tfds.decoded import load_tfds
from jaxdl.typing import Host


def open_synthetic(cfg: SyntheticData, fields: tuple[str, ...] = ()) -> Dataset:
    """The set that `cfg` names. `fields`: of a row, what is made (default: the usual ones)."""
    if isinstance(cfg, ToyData):
        return open_toy(cfg)
    if isinstance(cfg, LineData):
        return open_line(cfg)
    if isinstance(cfg, MovingData) and cfg.name == "moving_digits":
        return open_moving_digits(cfg)
    train = cfg.synthetic_rows
    made = generate(cfg, train + max(1, train // 5), fields)
    rows = np.arange(len(made))
    splits = {"train": SubsetSource(made, rows[:train]), "test": SubsetSource(made, rows[train:])}
    return Dataset(
        splits,
        tuple(made.classes),
        tuple(made.vocabulary),
        made.description,
        skeleton=made.skeleton,
    )


def open_moving_digits(cfg: MovingData) -> Dataset:
    """MNIST's drawings move; those of its test split in the test."""

    def read(split: str) -> tuple[Host, Host]:
        arrays = load_tfds("mnist")[0][split]
        return arrays["image"][..., 0], arrays["label"]

    sizes = {"train": cfg.synthetic_rows, "test": max(1, cfg.synthetic_rows // 5)}
    splits = {
        split: MovingDigits(count, partial(read, split), seed, image_size=cfg.size(48))
        for seed, (split, count) in enumerate(sizes.items())
    }
    return Dataset(splits, MovingDigits.classes, (), splits["train"].description)


def generate(cfg: SyntheticData, rows: int, fields: tuple[str, ...]) -> Generated:
    """`rows` rows, any of which can be made by itself."""
    options: dict[str, Any] = {"fields": fields} if fields else {}
    match cfg:
        case ShapesData():
            options |= {"objects": (1, cfg.max_objects), "anywhere": cfg.anywhere}
            asked = cfg.row_fields()
            options |= {"fields": asked} if asked and not fields else {}
            return Shapes(rows, image_size=cfg.size(64), **options)
        case MovingData(name="scenes"):
            return MovingScenes(rows, image_size=cfg.size(32))
        case MovingData():
            return Moving(rows, image_size=cfg.size(32), **options)
        case SolidsData():
            options |= {"frame": cfg.frame, "points": cfg.points, "resolution": cfg.resolution}
            return Solids(rows, image_size=cfg.size(64)[0], **options)
        case LanguageData(name="hello"):
            return Hello(rows, 0)
        case LanguageData():
            return Language(cfg.name, rows)
        case DensityData():
            return Points(cfg.name, rows)
        case SyntheticData(name="actions"):
            return Actions(rows)
    raise TypeError(f"generate: there is no set for {type(cfg).__name__}")


def open_toy(cfg: ToyData) -> Dataset:
    """`input` `(N, D)` float32 and `label` `(N,)` of `data.seed`; the test rows are of the next."""
    splits = {
        split: ArraySource(make_toy(cfg.name, cfg.synthetic_rows, cfg.noise, seed))
        for split, seed in (("train", cfg.seed), ("test", cfg.seed + 1))
    }
    about = f"synthetic {cfg.name}, noise {cfg.noise:g}, seed {cfg.seed}"
    return Dataset(splits, tuple(map(str, range(CLASSES.get(cfg.name, 0)))), synthetic=about)


def open_line(cfg: LineData) -> Dataset:
    """`input` `(N,)` float32, evenly spaced; train and test are the same."""
    values = np.linspace(-cfg.axis_range, cfg.axis_range, cfg.synthetic_rows).astype(np.float32)
    line = ArraySource({"input": values})
    return Dataset({"train": line, "test": line}, synthetic="synthetic: evenly spaced numbers")
