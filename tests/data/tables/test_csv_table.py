"""Tables against what NumPy reads and the csv module writes; every bad line is named."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.table_form import TableForm
from jaxdl.data.tables.csv_table import read_csv, read_inputs


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
    want = np.loadtxt(path, delimiter=",", dtype=np.float64)
    table = read_csv(path)
    np.testing.assert_array_equal(table.arrays["input"], want[:, :-1])
    np.testing.assert_array_equal(table.arrays["label"], want[:, -1])
    assert table.arrays["label"].dtype == np.int32
    assert table.classes == ("0", "1")
    assert table.arrays["input"].shape == (rows, 8)
    assert table.form.names[0] == "column 1"
    assert not table.doubts


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_head_lines_names_and_quotes(tmp_path, name, delimiter):
    text = 'width,"leaf length",kind\n1.5,2,"iris, wild"\n\n-3e2, 4 ,rose\n0,0,rose\n'
    if delimiter != ",":
        text = text.replace("iris, wild", "iris wild").replace(",", delimiter)
    table = read_csv(write(tmp_path / name, "\ufeff" + text))
    np.testing.assert_array_equal(table.arrays["input"], [[1.5, 2], [-300, 4], [0, 0]])
    assert table.classes == ("iris, wild" if delimiter == "," else "iris wild", "rose")
    np.testing.assert_array_equal(table.arrays["label"], [0, 1, 1])
    assert table.form.names == ("width", "leaf length")
    assert "the head line is width, leaf length, kind" in table.said


def test_labels_that_are_numbers_are_in_their_order(tmp_path):
    path = write(tmp_path / "a.csv", "1,10\n2,9.0\n3,-1\n4,9\n")
    table = read_csv(path)
    assert table.classes == ("-1", "9", "10")
    np.testing.assert_array_equal(table.arrays["label"], [2, 1, 0, 1])
    table = read_csv(path, label="number")
    np.testing.assert_array_equal(table.arrays["label"], np.float32([10, 9, -1, 9]))
    assert table.arrays["label"].dtype == np.float32
    np.testing.assert_array_equal(table.arrays["input"], [[1], [2], [3], [4]])
    assert table.classes == ()
    test = write(tmp_path / "test.csv", "5,9\n")
    np.testing.assert_array_equal(read_csv(test, classes=("-1", "9", "10")).arrays["label"], [1])


def test_lines_end_where_the_csv_module_ends_them(tmp_path):
    path = tmp_path / "a.csv"
    labels = ["big\ncat", "x\u2028y", "n\x85o", "dog"] * 3
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [[i * 0.5, i % 5, label] for i, label in enumerate(labels)]
        csv.writer(file).writerows([["a\n(mm)", "b", "kind"], *rows])
    table = read_csv(path)
    assert table.arrays["input"].shape == (12, 2)
    assert set(table.classes) == set(labels)
    assert table.form.names == ("a (mm)", "b")
    path.write_text("1,2,a\r3,4,b\r5,6,b\r")
    np.testing.assert_array_equal(read_csv(path).arrays["input"], [[1, 2], [3, 4], [5, 6]])


def test_a_large_table_in_no_time_and_little_memory(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")
    path = write(tmp_path / "a.csv.gz", "1.5,2\n" * 200_000)
    tracemalloc.start()
    table = read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.arrays["input"].shape == (200_000, 1)
    assert peak < 30e6  # lists of cells would take some 100 MB


@pytest.mark.parametrize(
    ("head", "first", "left_out"),
    [
        ("", [0, 1, 2], True),
        ("Unnamed: 0", [5, 6, 7], True),
        ("PassengerId", [9, 3, 4], True),
        ("row_id", [0, 1, 2], True),
        ("id", ["a", "b", "c"], True),
        ("shop_id", [1, 1, 2], False),
        ("ID", [0.5, 1, 2], False),
        ("fluid", [0, 1, 2], False),
        ("valid", [2, 1, 0], False),
    ],
)
def test_columns_that_number_the_rows_are_no_features(tmp_path, head, first, left_out):
    rows = [f"{value},{i * 0.3},{i % 2}" for i, value in enumerate(first)]
    table = read_csv(write(tmp_path / "a.csv", "\n".join([f"{head},x,label", *rows])))
    assert table.form.names == (("x",) if left_out else (head, "x"))
    assert any("not a feature" in line for line in table.said) == left_out


def test_a_count_without_such_a_name_is_a_doubt(tmp_path):
    rows = [f"{i},{i * 37 % 11},{i % 2}" for i in range(30)]
    table = read_csv(write(tmp_path / "a.csv", "\n".join(rows)))
    assert table.form.names == ("column 1", "column 2")
    (doubt,) = table.doubts
    assert "column 1 counts the rows from 0 on" in doubt
    assert "--data.ignore 1" in doubt
    table = read_csv(tmp_path / "a.csv", ignore=("1",))
    assert (table.form.names, table.doubts) == (("column 2",), ())


def test_the_label_is_where_the_head_or_the_person_says(tmp_path):
    path = write(
        tmp_path / "a.csv", "label,p,q\n" + "".join(f"{i % 3},{i * 7},0\n" for i in range(9))
    )
    table = read_csv(path)
    assert (table.classes, table.form.names) == (("0", "1", "2"), ("p", "q"))
    assert "the label is column 1 (label)" in table.said
    table = read_csv(path, label_column="q", ignore=("label",))
    assert (table.classes, table.form.names) == (("0",), ("p",))
    assert read_csv(path, label_column="3").classes == ("0",)
    with pytest.raises(UsageError, match=r"data\.label_column of .*a\.csv: there is no 'r'.*label"):
        read_csv(path, label_column="r")
    with pytest.raises(DataError, match="has 1 columns left"):
        read_csv(path, ignore=("p", "q"))
    path = write(tmp_path / "b.csv", "x,x,y\n1,2,0\n3,4,1\n")
    with pytest.raises(UsageError, match="has 2 columns 'x'"):
        read_csv(path, ignore=("x",))


@pytest.mark.parametrize(
    ("first", "second", "head"),
    [
        ("a,b,c", "1,2,0", True),
        (",b,c", "1,2,0", True),
        ("age,2019,2020,label", "1,2,3,0", True),
        ("0,1,2,3", "5,6,7,1", True),
        ("0,1,2,label", "5,6,7,cat", True),
        ("0,1,label", "5,6,1", True),
        ("#a,b,c", "1,2,0", True),
        ("0,1,1", "1,1,0", False),
        ("NA,2,0", "1,2,0", False),
        ("1,2,cat", "3,4,dog", False),
        ("1,2,0", "?,2,0", False),
    ],
)
def test_a_head_line_has_words_above_numbers(tmp_path, first, second, head):
    path = write(tmp_path / "a.csv", "\n".join([first, second, second.replace("?", "9")]))
    if first.startswith("NA") or "?" in second:
        with pytest.raises(DataError, match="is not a finite number"):
            read_csv(path)
    else:
        assert len(read_csv(path).arrays["input"]) == (2 if head else 3)


def test_what_is_no_row_is_passed_and_said(tmp_path):
    path = write(tmp_path / "a.csv", "# by a tool\nsep=;\na;b;label;\n1;2;0;\n3;4;1;\n")
    table = read_csv(path)
    np.testing.assert_array_equal(table.arrays["input"], [[1, 2], [3, 4]])
    assert table.classes == ("0", "1")
    assert "line 1 is a comment" in table.said
    assert "column 4 (nameless) is empty: not a feature" in table.said
    rows = ["1,2,0,"] * 30 + ["1,2,0,7"]
    with pytest.raises(DataError, match="line 31, column 4: '7' in a nameless column"):
        read_csv(write(tmp_path / "b.csv", "\n".join(rows)))
    with pytest.raises(DataError, match="line 2, column 3 .*: '' is not a finite number"):
        read_csv(write(tmp_path / "c.csv", "a,b,label\n1,2,\n"), label="number")
    with pytest.raises(UsageError, match="label_column: .*column 4 .nameless. is empty"):
        read_csv(tmp_path / "a.csv", label_column="4")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b,c\n", "a head line and no rows"),
        ("1,2\n1,2,3\n", "line 2: 3 cells, the first line has 2"),
        ("1,2,0\n1,,0\n", "line 2, column 2: '' is not a finite number; fill it in"),
        (",2,0\n1,2,0\n", "line 1, column 1: '' is not a finite number; fill it in"),
        ("?,2,0\n1,2,0\n", r"line 1, column 1: '\?' is not a finite number; fill it in"),
        ("a,b,c\n1,nan,0\n", r"line 2, column 2 \(b\): 'nan' is not a finite"),
        ("1,2,0\n\n1,?,0\n", r"line 3, column 2: '\?'"),
        ("a,b,c\n1,2,0\na,b,c\n1,3,1\n", r"line 3, column 1 \(a\): 'a' is the head line again"),
        (
            "a,b,c\nf,2,0\nm,3,1\n",
            r"line 2, column 1 \(a\): 'f' .*leave the column out: .*ignore 1",
        ),
        ("a;b;c\n1,5;2,5;0\n1,5;2,5;1\n", r"'1,5' is not a finite number; write decimals with a p"),
        ("1_0,2,0\n1,2,1\n", "line 1, column 1: '1_0' is not a finite number"),
        ("１,2,0\n1,2,1\n", "line 1, column 1: '１' is not a finite number"),
        ("1e400,2,0\n1,2,1\n", "line 1, column 1: inf is too large"),
        ("1,2,0\n-1e39,2,1\n", "line 2, column 1: -1e[+]39 is too large for float32"),
        ("1\n2\n", "line 1: there is one column.*comma, semicolon, tab, bar"),
        ("1,x\n2,\n", "line 2: the label is empty"),
        ("1,x\n2,NA\n3,y\n", "line 2: the label 'NA' says that it is missing"),
        ("".join(f"{i},{i * 0.37}\n" for i in range(300)), "--data.label_type number"),
        ('a,b\n1,"2\n', "line 2: 1 cells|unexpected end"),
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
    path = write(tmp_path / "a.csv", "1,x\n2,x\n")
    with pytest.raises(UsageError, match="'target'"):
        read_csv(path, label="target")
    with pytest.raises(DataError, match="line 1: 'x' is no class of training's y, z"):
        read_csv(path, classes=("y", "z"))


def test_another_file_is_read_by_the_names_or_places_of_training(tmp_path):
    train = write(
        tmp_path / "t.csv",
        "id,label,p,q\n" + "".join(f"{i},{i % 2},{i * 7},{-i}\n" for i in range(9)),
    )
    form = read_csv(train).form
    assert (form.names, form.places, form.width) == (("p", "q"), (2, 3), 4)
    for text in ("q,x,p\n5,b,6\n", "p,q\n6,5\n", "6,5\n", "9,b,6,5\n"):
        places, inputs = read_inputs(write(tmp_path / "new.csv", text), form)
        np.testing.assert_array_equal(inputs, [[6, 5]])
        assert list(places) == [2 if "p" in text else 1]
    with pytest.raises(DataError, match="has no column q, as in training"):
        read_inputs(write(tmp_path / "new.csv", "p,r\n6,5\n"), form)
    with pytest.raises(DataError, match="5 columns, but the run was trained on 2 numbers: p, q"):
        read_inputs(write(tmp_path / "new.csv", "1,2,3,4,5\n"), form)
    one = TableForm.plain(1)
    np.testing.assert_array_equal(
        read_inputs(write(tmp_path / "new.csv", "6\n5\n"), one)[1], [[6], [5]]
    )
