"""The same annotation in many encodings and namespaces, written by Python's own codecs."""

import codecs

import pytest

from jaxdl.checks import DataError
from jaxdl.data.files.safe_xml import read_xml

TEXT = '<?xml version="1.0" encoding="{}"?><a><object><Name>{}</Name></object></a>'


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "红"),
        ("GBK", "红"),
        ("gb18030", "红"),
        ("Shift_JIS", "赤"),
        ("EUC-KR", "빨강"),
        ("ISO-8859-1", "é"),
        ("windows-1251", "красный"),
        ("utf-16", "é"),
    ],
)
def test_any_encoding_that_is_declared(tmp_path, encoding, name):
    (tmp_path / "a.xml").write_bytes(TEXT.format(encoding, name).encode(encoding))
    assert read_xml(tmp_path / "a.xml").findtext("object/name") == name


@pytest.mark.parametrize("before", [b"", b"\n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b" \r\n"])
def test_marks_and_space_before_the_declaration(tmp_path, before):
    (tmp_path / "a.xml").write_bytes(before + TEXT.format("utf-8", "é").encode())
    assert read_xml(tmp_path / "a.xml").findtext("object/name") == "é"


@pytest.mark.parametrize(
    "text",
    [
        '<annotation xmlns="http://x.y/voc"><object><name>a</name></object></annotation>',
        '<v:annotation xmlns:v="u"><v:object><v:name>a</v:name></v:object></v:annotation>',
        "<Annotation><Object><NAME>a</NAME></Object></Annotation>",
    ],
)
def test_namespaces_and_capitals_do_not_matter(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    root = read_xml(tmp_path / "a.xml")
    assert (root.tag, root.findtext("object/name")) == ("annotation", "a")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.format("GBK", "红").encode("GBK").replace(b"GBK", b"utf-8"), "save it as UTF-8"),
        (TEXT.format("nonsense", "a").encode(), "unknown encoding: nonsense"),
        (TEXT.format("zip", "a").encode(), "not a text encoding"),
        (b"<a><b></a>", "mismatched tag"),
        (b"<a>red & white</a>", "not well-formed"),
        (b"", "no element found"),
        (b"<!DOCTYPE a><a/>", "declares a document type"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file(tmp_path, content, words):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DataError, match=words) as error:
        read_xml(tmp_path / "a.xml")
    assert str(error.value).startswith(str(tmp_path / "a.xml"))
    assert "\n" not in str(error.value)
