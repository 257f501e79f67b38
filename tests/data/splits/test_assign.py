"""Slices against tensorflow-datasets' own; what is set apart, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig, data_config
from jaxdl.data.load import load_splits
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.splits.assign import assign_splits, select

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
    splits = load_splits(DataConfig(val=-1))
    assert (splits["train"].size, splits["val"].size) == (1293, 144)


def test_a_tenth_is_set_apart_only_where_there_are_no_validation_rows():
    rows = {"label": np.arange(20) % 2}
    sources = {name: ArraySource(rows) for name in ("train", "val", "test")}
    cfg = DataConfig(val=-1)
    assigned = assign_splits(Dataset(sources), cfg)
    assert (len(assigned["train"].numbers), assigned["val"].split) == (20, "val")
    del sources["val"]
    assigned = assign_splits(Dataset(sources), cfg)
    assert (len(assigned["train"].numbers), len(assigned["val"].numbers)) == (18, 2)
    del sources["test"]  # four of twenty are the test, two of sixteen the validation
    assigned = assign_splits(Dataset(sources), cfg)
    assert [len(assigned[role].numbers) for role in ("train", "val", "test")] == [14, 2, 4]


def test_of_ones_own_data_it_is_said_what_was_cut_out(tmp_path, capsys):
    file = tmp_path / "a.csv"
    file.write_text("x,label\n" + "".join(f"{i},{i % 2}\n" for i in range(70)))
    load_splits(data_config("csv", path=str(file), val=-1))
    said = capsys.readouterr().err
    assert "data, val: 6 rows set apart of train\n" in said
    assert "data, test: 14 rows held out of train\n" in said
    splits = load_splits(data_config("csv", path=str(file)))
    assert (splits["train"].size, splits.keys()) == (56, {"train", "test"})


@pytest.mark.parametrize(
    ("spec", "message"),
    [("trian", "'trian' must be one of train, test"), ("train[::2]", "a slice of one")],
)
def test_splits_that_are_not_there(spec, message):
    with pytest.raises(UsageError, match=message):
        load_splits(DataConfig(train=spec))
    with pytest.raises(DataError, match=r"train\[5:5\]' selects none of 1437"):
        load_splits(DataConfig(train="train[5:5]"))
