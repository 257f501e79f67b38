"""Toy sets against the formulas that they are drawn from."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.config import ToyData
from jaxdl.data.synthetic.toy import MADE, make_toy


def rows_of(name, rows=200, noise=0.1, seed=0):
    made = make_toy(name, rows, noise, seed)
    return made["input"], made["label"]


@pytest.mark.parametrize("name", MADE)
def test_shapes_seeds_and_noise(name):
    x, y = rows_of(name, rows=30)
    assert x.shape[0] == len(y) == 30
    assert x.dtype == np.float32
    if name == "hours":
        return
    same, other = rows_of(name, rows=30)[0], rows_of(name, rows=30, seed=1)[0]
    np.testing.assert_array_equal(x, same)
    assert not np.array_equal(x, other)
    noisy = rows_of(name, rows=30, noise=0.5)
    assert not np.array_equal(np.column_stack([x, y]), np.column_stack(noisy))


def test_answers_are_known():
    x, y = rows_of("xor", rows=4, noise=0)
    np.testing.assert_array_equal(x, [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(y, [0, 1, 1, 0])
    x, y = rows_of("rings", noise=0)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.where(y, 1.2, 0.4), rtol=1e-5)
    x, y = rows_of("moons", noise=0)
    center = np.where(y[:, None], [1.0, 0.5], [0.0, 0.0])
    np.testing.assert_allclose(np.linalg.norm(x - center, axis=1), 1, rtol=1e-5)
    x, y = rows_of("blobs", noise=0)
    assert len(np.unique(x, axis=0)) == len(np.unique(y)) == 3
    x, y = rows_of("hours", rows=3)
    np.testing.assert_array_equal(x, [[1], [2], [3]])
    np.testing.assert_array_equal(y, [0, 0, 1])
    x, y = rows_of("polynomial", noise=0)
    t = x[:, 0]
    np.testing.assert_allclose(y, 5 + 1.2 * t - 1.7 * t**2 + 5.6 / 6 * t**3, atol=1e-4)
    x, y = rows_of("wide", noise=0)
    assert x.shape == (200, 200)
    np.testing.assert_allclose(y, 0.05 + 0.01 * x.sum(axis=1), atol=1e-5)
    x, y = rows_of("spirals", noise=0)
    turned = np.arctan2(x[:, 0], x[:, 1]) - 4 * np.linalg.norm(x, axis=1) - 2 * np.pi / 3 * y
    np.testing.assert_allclose(np.cos(turned), 1, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"synthetic_rows": 0}, {"noise": -0.1}, {"seed": -1}])
def test_errors(wrong):
    (name,) = wrong
    with pytest.raises(UsageError, match=f"data.{name} must be at least"):
        ToyData(**wrong)
