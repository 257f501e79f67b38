"""Small sets with known answers, made and not read: points in the plane, curves, wide tables."""

import math
from collections.abc import Callable

import numpy as np

from jaxdl.typing import Host

Rows = tuple[Host, Host]  # x (N, D), y (N,)
CLASSES = {"blobs": 3, "xor": 2, "rings": 2, "moons": 2, "spirals": 3, "hours": 2}
CURVE = (5.0, 1.2, -3.4, 5.6)  # the polynomial's coefficients of x^i / i!


def make_toy(name: str, rows: int, noise: float, seed: int) -> dict[str, Host]:
    """`input` `(N, D)` float32 and `label` `(N,)`, int32 classes or float32 targets."""
    x, y = MADE[name](np.random.default_rng(seed), rows, noise)
    label = y.astype(np.int32 if name in CLASSES else np.float32)
    return {"input": x.astype(np.float32), "label": label}


def _blobs(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """Three classes around three points."""
    y = np.arange(rows) % 3
    centers = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.5]])
    return centers[y] + noise * rng.normal(size=(rows, 2)), y


def _xor(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """Corners of the unit square; the class is x1 != x2. Four rows without noise are XOR itself."""
    corner = np.arange(rows) % 4
    x = np.stack([corner // 2, corner % 2], axis=1)
    return x + noise * rng.normal(size=(rows, 2)), x[:, 0] ^ x[:, 1]


def _rings(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """A disc inside a ring: a line fails, the radius decides."""
    y = np.arange(rows) % 2
    angle = rng.uniform(0, 2 * np.pi, rows)
    radius = 0.4 + 0.8 * y + noise * rng.normal(size=rows)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), y


def _moons(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """Two half circles, each reaching into the other."""
    y = np.arange(rows) % 2
    angle = rng.uniform(0, np.pi, rows)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.where(y[:, None] == 1, np.array([1.0, 0.5]) - x, x)
    return x + noise * rng.normal(size=(rows, 2)), y


def _spirals(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """Three arms of a spiral."""
    y = np.arange(rows) % 3
    radius = rng.uniform(0.05, 1, rows)
    angle = 4 * radius + 2 * np.pi / 3 * y + 2 * noise * rng.normal(size=rows)
    return radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1), y


def _hours(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """Hours of study 1, 2, 3, ...; the class is having passed, with more than two."""
    x = 1.0 + np.arange(rows)[:, None]
    return x, (x[:, 0] > 2).astype(int)


def _polynomial(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """y = 5 + 1.2 x - 3.4 x^2 / 2! + 5.6 x^3 / 3! + noise."""
    x = rng.normal(size=rows)
    y = sum(c * x**i / math.factorial(i) for i, c in enumerate(CURVE))
    return x[:, None], y + noise * rng.normal(size=rows)


def _wide(rng: np.random.Generator, rows: int, noise: float) -> Rows:
    """y = 0.05 + sum of 0.01 x over 200 inputs + noise."""
    x = rng.normal(size=(rows, 200))
    return x, 0.05 + 0.01 * x.sum(axis=1) + noise * rng.normal(size=rows)


MADE: dict[str, Callable[[np.random.Generator, int, float], Rows]] = {
    "blobs": _blobs,
    "xor": _xor,
    "rings": _rings,
    "moons": _moons,
    "spirals": _spirals,
    "hours": _hours,
    "polynomial": _polynomial,
    "wide": _wide,
}
