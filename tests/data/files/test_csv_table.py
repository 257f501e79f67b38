"""Tables against what NumPy reads; every bad line is named."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.files.csv_table import read_csv


def real(name):
    path = Path(os.environ.get("JAXDL_DATA_DIR", "")) / name
    if not path.is_file():
        pytest.skip(f"needs {name} in JAXDL_DATA_DIR")
    return path


@pytest.mark.parametrize(
    ("name", "rows"), [("diabetes.csv.gz", 759), ("pima-indians-diabetes.csv.gz", 768)]
)
def test_diabetes_is_what_numpy_reads(name, rows):
    path = real(name)
    want = np.loadtxt(path, delimiter=",", dtype=np.float32)
    arrays, classes, columns = read_csv(path)
    np.testing.assert_array_equal(arrays["input"], want[:, :-1])
    np.testing.assert_array_equal(arrays["label"], want[:, -1])
    assert arrays["label"].dtype == np.int32
    assert classes == ("0", "1")
    assert arrays["input"].shape == (rows, 8)
    assert columns[0] == "column 1"


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_head_lines_names_and_quotes(tmp_path, name, delimiter):
    text = 'width,"leaf length",kind\n1.5,2,"iris, wild"\n\n-3e2, 4 ,rose\n0,0,rose\n'
    if delimiter == ";":
        text = text.replace("iris, wild", "iris wild").replace(",", ";")
    table = read_csv(write(tmp_path / name, "\ufeff" + text), delimiter=delimiter)
    np.testing.assert_array_equal(table.arrays["input"], [[1.5, 2], [-300, 4], [0, 0]])
    assert table.classes == ("iris, wild" if delimiter == "," else "iris wild", "rose")
    np.testing.assert_array_equal(table.arrays["label"], [0, 1, 1])
    assert table.columns == ("width", "leaf length", "kind")


def test_labels_that_are_numbers_are_in_their_order(tmp_path):
    path = write(tmp_path / "a.csv", "1,10\n2,9.0\n3,-1\n4,9\n")
    table = read_csv(path)
    assert table.classes == ("-1", "9", "10")
    np.testing.assert_array_equal(table.arrays["label"], [2, 1, 0, 1])
    table = read_csv(path, label="number")
    np.testing.assert_array_equal(table.arrays["label"], np.float32([10, 9, -1, 9]))
    assert table.arrays["label"].dtype == np.float32
    assert table.classes == ()
    test = write(tmp_path / "test.csv", "5,9\n")
    np.testing.assert_array_equal(read_csv(test, classes=("-1", "9", "10")).arrays["label"], [1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b,c\n", "a head line and no rows"),
        ("1,2\n1,2,3\n", "line 2: 3 cells, line 1 has 2"),
        ("1,2,0\n1,,0\n", "line 2, column 2: '' is not a finite number"),
        ("a,b,c\n1,nan,0\n", "line 2, b: 'nan' is not a finite"),
        ("1,2,0\n\n1,?,0\n", r"line 3, column 2: '\?'"),
        ("1\n2\n", "one column"),
        ("1,x\n2,\n", "line 2: the label is empty"),
        ("".join(f"{i},{i * 0.37}\n" for i in range(300)), 'label="number"'),
    ],
)
def test_bad_tables_name_the_line(tmp_path, text, words):
    with pytest.raises(DataError, match=words) as error:
        read_csv(write(tmp_path / "a.csv", text))
    assert "a.csv" in str(error.value)
    assert error.value.code == 6


def test_unreadable_tables_and_options(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 999)[:20])
    with pytest.raises(DataError, match=r"cut\.csv\.gz cannot be read"):
        read_csv(tmp_path / "cut.csv.gz")
    (tmp_path / "latin.csv").write_bytes("1,é\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8 text, at byte 2"):
        read_csv(tmp_path / "latin.csv")
    path = write(tmp_path / "a.csv", "1,x\n")
    with pytest.raises(UsageError, match="'target'"):
        read_csv(path, label="target")
    with pytest.raises(DataError, match="line 1: 'x' is no class of training's y, z"):
        read_csv(path, classes=("y", "z"))
