"""Archives made by Python's own tarfile and zipfile; hostile ones are refused."""

import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files import archive as archives
from jaxdl.data.files.archive import unpack


def make_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_link():
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


GOOD = [("a/one.txt", b"1"), ("a/b/two.txt", b"22"), ("three.txt", b"")]


@pytest.mark.parametrize("make", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_plain_files_are_unpacked(tmp_path, make):
    if make == "zip":
        archive = make_zip(tmp_path / "x.zip", GOOD)
    else:
        archive = make_tar(tmp_path / f"x.{make}", GOOD, "w" + make[3:].replace(".", ":"))
    folder = unpack(archive, tmp_path / "new" / "out")
    got = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    assert got == dict(GOOD)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    with pytest.raises(DataError, match="exists"):
        unpack(archive, folder)


BAD = ["../out.txt", "/etc/out.txt", "a/../../out.txt", "c:/out.txt", "a\\..\\out", "x" * 300]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_names_that_leave_the_folder_are_refused(tmp_path, make, name):
    archive = make(tmp_path / "x", [("fine.txt", b"1"), (name, b"bad")])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="x: member") as error:
        unpack(archive, tmp_path / "out")
    assert name.replace("\\", "\\\\")[:70] in str(error.value)
    assert error.value.code == 6
    assert set(tmp_path.rglob("*")) == before  # nothing written, nothing left


@pytest.mark.parametrize(
    "info",
    [
        special("link", tarfile.SYMTYPE, "/etc/passwd"),
        special("link", tarfile.SYMTYPE, "fine.txt"),
        special("link", tarfile.LNKTYPE, "../../x"),
        special("link", tarfile.CHRTYPE),
        special("link", tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, info):
    archive = make_tar(tmp_path / "x.tar", [("fine.txt", b"1"), (info, b"")])
    with pytest.raises(DataError, match="member 'link' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert os.listdir(tmp_path) == ["x.tar"]


def test_links_in_a_zip_are_refused(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [(zip_link(), "/etc/passwd")])
    with pytest.raises(DataError, match="member 'link' is a link"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("make", ["tar.gz", "zip"])
def test_a_bomb_is_refused(tmp_path, make):
    members = [("small.txt", b"1"), ("bomb", bytes(40_000_000))]  # packs 1000 to 1
    if make == "zip":
        archive = make_zip(tmp_path / "x.zip", members)
    else:
        archive = make_tar(tmp_path / "x.tar.gz", members, "w:gz")
    with pytest.raises(DataError, match="member 'bomb' brings the content over"):
        unpack(archive, tmp_path / "out")
    assert len(os.listdir(tmp_path)) == 1
    assert (
        unpack(archive, tmp_path / "out", most_ratio=2000) / "bomb"
    ).stat().st_size == 40_000_000
    with pytest.raises(DataError, match="over 1,000 bytes"):
        unpack(archive, tmp_path / "other", most=1000)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_the_bound_is_on_the_sum(tmp_path, make):
    archive = make(tmp_path / "x", [(f"{i}.txt", b"12345") for i in range(20)])
    assert len(os.listdir(unpack(archive, tmp_path / "all", most=100))) == 20
    with pytest.raises(DataError, match=r"member '19\.txt' .*over 99 bytes"):
        unpack(archive, tmp_path / "out", most=99)


def test_a_size_that_lies_is_counted_by_what_comes(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("bomb", bytes(40_000_000))])
    data = archive.read_bytes().replace(
        (40_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    )
    archive.write_bytes(data)
    with pytest.raises(DataError):
        unpack(archive, tmp_path / "out")
    assert os.listdir(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "bits"])
def test_damaged_archives_are_one_message(tmp_path, damage):
    archive = make_tar(tmp_path / "x.tar.gz", [("a", os.urandom(50_000))], "w:gz")
    data = archive.read_bytes()
    if damage == "missing":
        archive.unlink()
    else:
        archive.write_bytes(
            {"cut": data[:20_000], "text": b"<html>", "bits": data[:999] + b"xx" + data[1001:]}[
                damage
            ]
        )
    with pytest.raises(DataError, match=r"x\.tar\.gz"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_many_empty_members_are_a_bomb_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FEW", 1000)
    empty = [(f"{i}", b"") for i in range(1001)]
    folders = [(special(name, tarfile.DIRTYPE), b"") for name, _ in empty]
    for members, mode in ((empty, "gz"), (folders, "xz")):
        archive = make_tar(tmp_path / f"x.tar.{mode}", members, f"w:{mode}")
        with pytest.raises(DataError, match=r"member '1000' is one more than 1,000 members"):
            unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_end_and_the_headers_of_a_tar_are_capped(tmp_path):
    archive = make_tar(tmp_path / "x.tar", [("a", b"1")])
    with gzip.open(tmp_path / "tail.tar.gz", "wb") as file:
        file.write(archive.read_bytes() + bytes(40_000_000))
    with pytest.raises(DataError, match=r"tail\.tar\.gz cannot be read: it expands to more than"):
        unpack(tmp_path / "tail.tar.gz", tmp_path / "out")
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 30_000_000  # a header that is read as a whole
    with gzip.open(tmp_path / "head.tar.gz", "wb") as file:
        file.write(info.tobuf() + bytes(30_000_000))
    with pytest.raises(DataError, match=r"head\.tar\.gz cannot be read: a header of 30,0"):
        unpack(tmp_path / "head.tar.gz", tmp_path / "out")


def test_a_password_is_one_message(tmp_path):
    archive = make_zip(tmp_path / "x.zip", [("a", b"1234")])
    data = bytearray(archive.read_bytes())
    data[6] |= 1  # "encrypted", in the local header and in the directory
    data[data.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"x\.zip cannot be read: .*encrypted, password"):
        unpack(archive, tmp_path / "out")
