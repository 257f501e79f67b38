"""What both sides of `jaxdl bench --device` share: inputs, without jax and torch, and `Work`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxdl.typing import Host

TIMES = 5  # products or copies that are asked for before their end is waited for
SPANNED = 64  # directions that hold most of the variance of drawn vectors, as in images


class Work(NamedTuple):
    """`run()` does `units` of something and waits until the device has done them."""

    run: Callable[[], Any]
    units: int
    facts: dict[str, Any]


def draw_images(rows: int, side: int, classes: int) -> dict[str, Host]:
    """uint8 noise and labels."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (rows, side, side, 3), np.uint8)
    return {"image": image, "label": rng.integers(0, classes, rows).astype(np.int32)}


def draw_vectors(queries: int, points: int, width: int) -> tuple[Host, Host]:
    """float32 rows that vary mostly in a few directions."""
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(queries + points, SPANNED)).astype(np.float32)
    basis = rng.normal(size=(SPANNED, width)).astype(np.float32)
    rows = codes @ basis
    rows += rng.standard_normal(rows.shape, np.float32)
    return rows[:queries], rows[queries:]


def draw_boxes(count: int) -> tuple[Host, Host]:
    """Boxes `(count, 4)` of sides up to 200 in a square of 1,200, and scores."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 1000, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(10, 200, (count, 2))], 1).astype(np.float32)
    return boxes, rng.uniform(size=count).astype(np.float32)
