"""Splits of own arrays: what they hold, and each fault by its row."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.splits.arrays import array_splits

PIXELS = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
X = np.arange(8.0).reshape(4, 2)


def test_pictures_are_images_and_numbers_inputs():
    labels = [0, 2, 1, 0]
    splits = array_splits({"train": (PIXELS, labels), "val": (PIXELS[:2], labels[:2])}, seed=3)
    assert splits["train"].classes == ("0", "1", "2")
    assert splits["train"].example["image"].shape == (3, 3, 1)
    assert splits["train"].example["image"].dtype == np.uint8
    np.testing.assert_array_equal(splits["val"].read("label"), [0, 2])
    assert (splits["train"].shuffle, splits["val"].shuffle) == (True, False)
    assert (splits["val"].name, splits["val"].seed, splits["val"].batch_size) == ("val", 3, 64)


def test_numbers_to_predict_have_no_classes():
    split = array_splits({"train": (X, [0.5, 1, 2, 3])}, batch_size=2)["train"]
    assert split.classes == ()
    assert split.batch_size == 2
    np.testing.assert_array_equal(split.read("input"), X.astype(np.float32))
    assert split.read("label").dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "options", "problem"),
    [
        ({}, {}, "got nothing"),
        ({"train": (X, [0, 1, 0, 1]), "tests": (X, X)}, {}, "got 'train', 'tests'"),
        ({"train": (X, [0, 1])}, {}, "train has 4 inputs and 2 labels"),
        ({"train": (X, list("abcd"))}, {}, "labels must be numbers, got <U1"),
        ({"train": (X, [0, 1, -1, 0])}, {}, "label -1 of row 2 is not in"),
        ({"train": (X, [0, 1, 2, 0])}, {"classes": ["a", "b"]}, r"label 2 of row 2 .* \[0, 2\)"),
        ({"train": (X, [0, 1, 1, 0]), "test": (X, [0, 1, 2, 0])}, {}, "test: label 2 of row 2"),
        ({"train": (X, [0, 1, 1, 0]), "test": (X, X)}, {}, "labels of test are float32"),
        ({"train": (np.where(X == 3, np.nan, X), [0, 1, 1, 0])}, {}, "train: row 1: input has"),
    ],
)
def test_a_fault_is_named(arrays, options, problem):
    with pytest.raises(DataError, match=problem):
        array_splits(arrays, **options)
