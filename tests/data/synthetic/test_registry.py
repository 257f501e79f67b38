"""Synthetic sets by name against the tables of their makers, and how they say what they are."""

import numpy as np
import pytest

from jaxdl.data.config import (
    VARIANTS,
    ShapesData,
    SyntheticData,
    data_config,
)
from jaxdl.data.load import load_splits
from jaxdl.data.made_names import LANGUAGES, POINTS, TOYS
from jaxdl.data.synthetic.densities import DENSITIES
from jaxdl.data.synthetic.registry import open_synthetic
from jaxdl.data.synthetic.shapes import MOST, Shapes
from jaxdl.data.synthetic.toy import MADE
from jaxdl.data.synthetic.translation import TASKS

SYNTHETIC = [name for name, variant in VARIANTS.items() if issubclass(variant, SyntheticData)]


def test_configs_name_what_can_be_made():
    assert set(TOYS) == set(MADE)
    assert set(POINTS) == set(DENSITIES)
    assert set(LANGUAGES) == {*TASKS, "hello"}
    ShapesData(max_objects=MOST)
    with pytest.raises(ValueError, match="max_objects"):
        ShapesData(max_objects=MOST + 1)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_sets_say_so_and_test_rows_are_others(name):
    splits = load_splits(data_config(name, synthetic_rows=10, batch_size=2))
    assert splits["train"].size == 10
    assert splits["train"].synthetic.startswith("synthetic")
    if name in ("hello", "line", "hours"):  # one word, one line: as in the notes
        return
    key = max(splits["train"].example, key=lambda k: splits["train"].example[k].size)
    first, held = splits["train"].batch(np.arange(10))[key], splits["test"].batch(np.arange(2))[key]
    assert not any((row == first).all() for row in held[:, None])


@pytest.mark.parametrize("most", [1, 4])
def test_options_reach_the_set(most):
    opened = open_synthetic(ShapesData(max_objects=most, image_size=(32,), synthetic_rows=200))
    rows = opened.splits["train"].rows(np.arange(200))
    assert rows["kept"].sum(axis=1).max() == most
    assert rows["image"].shape == (200, 32, 32, 3)
    assert len(opened.splits["test"]) == 40


PARTS = {"boxes": set(), "masks": {"masks"}, "keypoints": {"points", "visible"}}


@pytest.mark.parametrize("asked", PARTS)
def test_shapes_have_what_is_asked_for(asked):
    opened = open_synthetic(data_config("shapes", annotations=asked, synthetic_rows=4))
    boxes = {"image", "boxes", "labels", "kept"}
    assert set(opened.splits["train"][0]) == boxes | PARTS[asked]
    assert opened.skeleton == Shapes.skeleton


def test_the_test_rows_of_a_toy_are_its_next_draw():
    one, two = (open_synthetic(data_config("rings", seed=seed)).splits for seed in (0, 1))
    numbers = np.arange(200)
    np.testing.assert_array_equal(
        one["test"].rows(numbers)["input"], two["train"].rows(numbers)["input"]
    )


@pytest.mark.parametrize(("name", "classes"), [("spirals", 3), ("xor", 2), ("wide", 0)])
def test_toys_know_their_classes(name, classes):
    opened = open_synthetic(data_config(name))
    label = opened.splits["train"].labels
    assert label is not None
    assert len(opened.classes) == classes
    assert (label.dtype == np.int32) == bool(classes)


def test_a_line_is_numpys():
    opened = open_synthetic(data_config("line", synthetic_rows=7, axis_range=1.5))
    got = opened.splits["train"].rows(np.arange(7))["input"]
    np.testing.assert_array_equal(got, np.linspace(-1.5, 1.5, 7, dtype=np.float32))
