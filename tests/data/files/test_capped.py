"""Files packed by gzip and streams of zeros against a cap; texts as Python encodes them."""

import gzip
import io
import os

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.capped import (
    SMALL,
    CappedStream,
    check_plain_file,
    most_bytes,
    read_capped,
    read_characters,
)


def test_plain_and_packed_content_come_back(tmp_path):
    content = os.urandom(5000)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    assert read_capped(tmp_path / "a", "t") == read_capped(tmp_path / "a.gz", "t") == content
    assert most_bytes(1) == SMALL
    assert most_bytes(SMALL) == 200 * SMALL


def test_a_small_file_that_expands_without_end_is_refused(tmp_path):
    path = tmp_path / "bomb.gz"
    member = gzip.compress(bytes(1 << 22))  # members of gzip may follow one another
    path.write_bytes(member * 20)
    with pytest.raises(DataError, match=r"bomb\.gz expands to more than 67,108,864 bytes") as error:
        read_capped(path, "t")
    assert error.value.code == 6
    path.write_bytes(member * 15)
    assert len(read_capped(path, "t")) == 15 << 22


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is no plain file"):
        read_capped(tmp_path / "pipe", "t")
    with pytest.raises(DataError, match="/dev/zero is no plain file"):
        check_plain_file(tmp_path.joinpath("/dev/zero"), "t")
    with pytest.raises(DataError, match="is a folder; one file is needed"):
        read_capped(tmp_path, "t")
    with pytest.raises(DataError, match="none cannot be read: No such file"):
        read_capped(tmp_path / "none", "t")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(os.urandom(999))[:300])
    with pytest.raises(DataError, match=r"cut\.gz cannot be read"):
        read_capped(tmp_path / "cut.gz", "t")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_with_a_mark_are_read_as_it_says(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("né, 写\r\n".encode(encoding))
    assert read_characters(tmp_path / "a.txt", "t") == "né, 写\r\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("né".encode("latin-1"), "not UTF-8 text, at byte 1; save it as UTF-8"),
        ("né".encode("utf-16")[:-1], "not UTF-16 text, at byte 4"),
        (b"PK\3\4\x14\0", "archive, no text .*save the sheet as CSV"),
        (b"abc\0\0", "NUL character, at character 3"),
    ],
)
def test_what_is_no_text_says_where(tmp_path, content, words):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"t: .*a\.txt.*{words}"):
        read_characters(tmp_path / "a.txt", "t")


def test_a_stream_ends_at_its_limit_read_or_passed():
    zeros = io.BytesIO(bytes(100))
    stream = CappedStream(zeros, 60, most=30)
    assert stream.read(30) == bytes(30)
    assert stream.seek(50) == 50
    with pytest.raises(OSError, match="more than 60 bytes"):
        stream.read(20)
    with pytest.raises(OSError, match="more than 60 bytes"):
        stream.seek(61)
    with pytest.raises(OSError, match="a header of 31 bytes"):
        stream.read(31)
