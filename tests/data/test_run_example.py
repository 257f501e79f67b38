"""The example that a run keeps, against the rows that it was taken from."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.config import RunData, ShapesData
from jaxdl.data.load import load_splits
from jaxdl.data.run_example import load_run_example, run_data, save_run_example


def test_the_first_row_its_words_and_its_classes_come_back(tmp_path):
    cfg = ShapesData(synthetic_rows=6, image_size=(24,), batch_size=2, val=2)
    train = load_splits(cfg)["train"]
    save_run_example(tmp_path, train)
    kept = run_data(cfg, tmp_path)
    assert kept == RunData(dir=str(tmp_path), batch_size=1)
    again = load_splits(kept)["train"]
    assert (again.size, again.classes) == (1, train.classes)
    assert (again.vocabulary, again.synthetic) == (train.vocabulary, train.synthetic)
    for name, value in train.example.items():
        np.testing.assert_array_equal(again.read(name)[0], value)


def test_a_run_that_has_not_ended_says_so(tmp_path):
    with pytest.raises(UsageError, match="has not ended yet"):
        load_run_example(tmp_path)
