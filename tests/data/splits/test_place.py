"""Where rows are kept, by the bytes they take; labels that no class has."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import Assigned
from jaxdl.data.splits.place import check_labels, place_split
from jaxdl.data.splits.stream import StreamSplit


@pytest.mark.parametrize(("spare", "streamed"), [(0, False), (-1, True)])
def test_the_bytes_of_a_split_decide_its_placement(spare, streamed):
    bytes_of_train = 1437 * (64 + 4)
    split = load_splits(DataConfig(max_device_bytes=bytes_of_train + spare))["train"]
    assert isinstance(split, StreamSplit) == streamed


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_a_placement_that_is_asked_for_is_taken(placement):
    split = load_splits(DataConfig(placement=placement, max_device_bytes=1))["train"]
    assert isinstance(split, StreamSplit) == (placement == "stream")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1, 3]), r"0\.\.2, got 3 in row 2"),
        (np.array([0, -1]), "got -1 in row 1"),
        (np.array([0.0, 1.0]), "must be integers, got float64"),
    ],
)
def test_labels_out_of_range_are_named(labels, message):
    with pytest.raises(DataError, match=message):
        check_labels(labels, 3, "mine")


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_numbers_that_are_not_finite_are_named_by_their_row(placement):
    inputs = np.zeros((9, 2), np.float32)
    inputs[7, 1] = np.nan
    opened = Dataset({"train": ArraySource({"input": inputs})})
    assigned = Assigned("train", np.arange(3, 9), "train")
    cfg = DataConfig(placement=placement, batch_size=2)
    with pytest.raises(DataError, match=r"train.*: row 7: input has a number that is not finite"):
        place_split(opened, assigned, cfg).batch(np.arange(6))
