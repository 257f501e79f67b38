"""Tables and arrays written by NumPy, as splits and through the commands; what is refused."""

import shutil

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.commands import check_data
from jaxdl.data.config import CsvData, NpzData, data_config
from jaxdl.data.load import load_splits
from jaxdl.data.tables.open import open_csv, open_npz
from tests.commands.asking import ask

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
LABELS = np.arange(40) % 4


@pytest.fixture
def save(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return str(tmp_path / "a.npz")

    return write


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS * 5_000_000, r"4 different values in 0\.\.15,000,000; number the classes 0 to 3"),
        (np.arange(40), "the label has 40 different values in 40 rows"),
    ],
)
def test_numbers_that_are_no_classes(save, labels, words):
    with pytest.raises(DataError, match=words):
        open_npz(NpzData(path=save(image=IMAGES, label=labels)))


def test_names_of_classes_must_be_enough(save):
    path = save(image=IMAGES, label=LABELS, class_names=np.array(["a", "b", "c"]))
    with pytest.raises(DataError, match="label 3 has no name; there are 3 names"):
        open_npz(NpzData(path=path))
    path = save(image=IMAGES, label=LABELS, class_names=np.array(list("abcde")))
    assert open_npz(NpzData(path=path)).classes == tuple("abcde")


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"label": LABELS}, ""),
        ({"label": LABELS + 1}, "labels that begin at 1?"),
        ({"label": np.zeros(40, int)}, "there is one class"),
        ({"label": LABELS, "image": IMAGES[:, :3].repeat(8, 2)}, "channels first"),
        ({"label": LABELS % 3, "x_test": IMAGES, "y_test": LABELS}, "is of class '3'"),
    ],
)
def test_check_data_names_what_looks_odd(save, capsys, arrays, fault):
    code = ask(check_data, "npz", "--path", save(**{"image": IMAGES, **arrays}))
    assert code == (6 if fault else 0)
    assert fault in capsys.readouterr().out


def test_a_packed_folder_with_one_table_is_that_table(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "in" / "__MACOSX").mkdir(parents=True)
    (tmp_path / "in" / "t.csv").write_text("1,2,0\n3,4,1\n5,6,0\n5,7,1\n" * 5)
    (tmp_path / "in" / "about.txt").write_text("words")
    path = shutil.make_archive(str(tmp_path / "t"), "zip", tmp_path / "in")
    train = load_splits(data_config("csv", path=path, batch_size=4))["train"]
    assert train.size == 16
    assert "20 rows, 2 classes: 0, 1" in train.notes
    (tmp_path / "in" / "u.csv").write_text("1,2,0\n")
    with pytest.raises(
        DataError, match=r"in is a folder; one file \.csv.*t\.csv, u\.csv; name one"
    ):
        open_csv(CsvData(path=str(tmp_path / "in")))
    with pytest.raises(DataError, match=r"one file \.npz is needed, and there is none"):
        open_npz(NpzData(path=str(tmp_path / "in")))
