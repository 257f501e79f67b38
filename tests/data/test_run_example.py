"""The example that a run keeps, against the rows that it was taken from."""

import zipfile

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data import run_example
from jaxdl.data.config import CsvData, RunData, ShapesData
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
    assert again.skeleton == train.skeleton
    assert train.skeleton.names == ("top", "right", "bottom", "left")
    for name, value in train.example.items():
        np.testing.assert_array_equal(again.read(name)[0], value)


def test_the_form_of_a_table_comes_back(tmp_path):
    (tmp_path / "t.csv").write_text(
        "a,b,label\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(20))
    )
    train = load_splits(CsvData(path=str(tmp_path / "t.csv"), batch_size=4))["train"]
    save_run_example(tmp_path, train)
    form = load_run_example(tmp_path)["train"].table
    assert form == train.table
    assert form.names == ("a", "b")
    assert form.std != (1.0,)


def test_a_run_that_has_not_ended_says_so(tmp_path):
    with pytest.raises(UsageError, match="has not ended yet"):
        load_run_example(tmp_path)


def bomb(path):
    """A zip file that expands to a thousand times its size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for i in range(11):
            packed.writestr(f"{i}.npy", bytes(100_000))


DAMAGES = {
    "claims 1,100,000 bytes": ("example.npz", bomb),
    "not a zip file": ("example.npz", lambda path: path.write_bytes(b"PK")),
    "nested too deeply": ("classes.json", lambda path: path.write_text("[" * 100_000)),
    "unexpected keyword": ("data.json", lambda path: path.write_text('{"strange": 1}')),
}


@pytest.mark.parametrize("problem", DAMAGES)
def test_a_damaged_example_is_named(tmp_path, monkeypatch, problem):
    monkeypatch.setattr(run_example, "MOST", 1_000_000)
    cfg = ShapesData(synthetic_rows=6, image_size=(24,), batch_size=2, val=2)
    save_run_example(tmp_path, load_splits(cfg)["train"])
    name, damage = DAMAGES[problem]
    damage(tmp_path / name)
    with pytest.raises(DataError, match=f"kept of its data is damaged .*{problem}"):
        load_run_example(tmp_path)
