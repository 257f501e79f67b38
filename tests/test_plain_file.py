"""Files that are pipes, devices, bombs or links: refused within a second; others replaced whole."""

import os
import resource
import time

import pytest

from jaxdl.plain_file import check_only_files, read_json, read_plain, read_tables, write_whole

ENDLESS = {
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_has_no_end_is_refused_at_once(tmp_path, kind):
    ENDLESS[kind](tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file"):
        read_plain(tmp_path / "a")


def test_a_file_is_read_up_to_its_cap(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_plain(tmp_path / "a", most=5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_plain(tmp_path / "a", most=4)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(OSError, match=r"larger than 64,000,000 bytes"):
        read_plain(tmp_path / "sparse")


TABLES = {
    "arrays": "a = " + "[" * 60_000 + "]" * 60_000,
    "inline tables": "a = " + "{a=" * 30_000 + "1" + "}" * 30_000,
    "dotted names": "a" + ".a" * 60_000 + " = 1",
    "quoted names": "a" + ". 'a' .\"a\"" * 10_000 + " = 1",
    "a table": "[" + "a." * 60_000 + "a]",
}


@pytest.mark.parametrize("text", TABLES)
def test_toml_that_is_nested_without_end_is_refused_within_a_second(tmp_path, text):
    """tomllib takes two minutes for 60,000 dots, or ends in a RecursionError."""
    (tmp_path / "a.toml").write_text(TABLES[text])
    began = time.process_time()
    with pytest.raises(ValueError, match="nested too deeply"):
        read_tables(tmp_path / "a.toml", most=200_000)
    assert time.process_time() - began < 1


def test_sound_files_are_read_as_they_are(tmp_path):
    text = 'words = "e.g. 1.2.3.4.5"\n[a.b."c.d"]\ne.f = [[1], [2]]\n' + "x = 1.5 # ........\n"
    (tmp_path / "a.toml").write_text(text)
    assert read_tables(tmp_path / "a.toml", most=1000) == {
        "words": "e.g. 1.2.3.4.5",
        "a": {"b": {"c.d": {"e": {"f": [[1], [2]]}, "x": 1.5}}},
    }
    (tmp_path / "a.json").write_text('{"a": [1, null]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, None]}
    (tmp_path / "deep.json").write_text('{"a":' * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "deep.json")


def test_a_file_is_replaced_whole_and_no_link_followed(tmp_path):
    precious, path = tmp_path / "precious", tmp_path / "a"
    precious.write_text("mine")
    for name in ("a", "a.part"):
        (tmp_path / name).symlink_to(precious)
    write_whole(path, "new")
    assert (path.read_text(), precious.read_text()) == ("new", "mine")
    assert not path.is_symlink()
    os.link(path, tmp_path / "backup")
    write_whole(path, b"newer")
    assert (path.read_text(), (tmp_path / "backup").read_text()) == ("newer", "new")


def test_a_disk_that_refuses_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    write_whole(path, "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: '{path}'"):
            write_whole(path, "x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_of_files_and_folders_is_sound_however_deep(tmp_path):
    deep = str(tmp_path)
    for _ in range(100):
        deep += "/a"
        os.mkdir(deep)
    check_only_files(tmp_path)
    os.symlink("/", f"{deep}/link")
    with pytest.raises(OSError, match="a link"):
        check_only_files(tmp_path)
