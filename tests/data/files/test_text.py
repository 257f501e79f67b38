"""A text is its characters, as Python reads it; files without text are refused."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.text import read_text


def real(name):
    path = Path(os.environ.get("JAXDL_DATA_DIR", "")) / name
    if not path.is_file():
        pytest.skip(f"needs {name} in JAXDL_DATA_DIR")
    return path


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_text_is_its_characters(tmp_path):
    path = write(tmp_path / "a.txt", "hé\r\nllo ☃\rh")
    got = read_text(path)
    assert got.text(got.ids) == "hé\nllo ☃\nh"
    assert got.vocabulary == tuple(sorted(set("hé\nllo ☃\nh")))
    assert got.ids.dtype == np.int32
    again = read_text(write(tmp_path / "b.txt.gz", "lo"), vocabulary=got.vocabulary)
    assert got.text(again.ids) == "lo"
    with pytest.raises(DataError, match=r"\['q', 'z'\] are not in the vocabulary"):
        read_text(write(tmp_path / "c.txt", "hqz"), vocabulary=got.vocabulary)


def test_shakespeare_has_65_characters():
    path = real("tinyshakespeare.txt")
    got = read_text(path)
    assert len(got.vocabulary) == 65
    assert len(got.ids) == 1_115_394
    assert got.text(got.ids[:14]) == "First Citizen:"
    assert got.text(got.ids[-300:]) == path.read_text()[-300:]


@pytest.mark.parametrize(("content", "words"), [(b"  \n", "no text"), (b"ab\xff", "at byte 2")])
def test_files_without_text_are_errors(tmp_path, content, words):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_text(tmp_path / "a.txt")
    with pytest.raises(DataError, match="No such file"):
        read_text(tmp_path / "none.txt")
