"""Slices against tensorflow-datasets' own; what is set apart, and what is refused."""

import os
from pathlib import Path

import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.assign import select

prepared = pytest.mark.skipif(
    not (Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")) / "mnist").is_dir(),
    reason="TFDS_DATA_DIR has no prepared mnist",
)


@prepared
@pytest.mark.parametrize(
    "spec", ["train", "train[:10%]", "train[1500:]", "test[-33%:]", "test[5:105]", "train[:-59000]"]
)
def test_slices_are_those_of_tensorflow_datasets(spec):
    import tensorflow_datasets as tfds

    builder = tfds.builder("mnist", data_dir=os.environ["TFDS_DATA_DIR"])
    (want,) = tfds.core.ReadInstruction.from_spec(spec).to_absolute(builder.info.splits)
    sizes = {k: s.num_examples for k, s in builder.info.splits.items()}
    split, rows = select(sizes, spec, "mnist")
    assert split == want.splitname
    size = builder.info.splits[want.splitname].num_examples
    assert rows[0] == (want.from_ or 0)
    assert rows[-1] == (size if want.to is None else want.to) - 1


def test_validation_rows_are_set_apart():
    splits = load_splits(DataConfig(val=100))
    assert (splits["train"].size, splits["val"].size) == (1337, 100)
    assert load_splits(DataConfig(train="train[:500]"))["train"].size == 500


@pytest.mark.parametrize(
    ("spec", "message"),
    [("trian", "'trian' must be one of train, test"), ("train[::2]", "a slice of one")],
)
def test_splits_that_are_not_there(spec, message):
    with pytest.raises(UsageError, match=message):
        load_splits(DataConfig(train=spec))
    with pytest.raises(DataError, match=r"train\[5:5\]' selects none of 1437"):
        load_splits(DataConfig(train="train[5:5]"))
