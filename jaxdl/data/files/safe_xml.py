"""XML from someone else, read without what makes XML dangerous."""

import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jaxdl.checks import DataError

MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")


def read_xml(file: Path) -> Element:
    """The root of a file; names of elements in small letters, without their namespace.

    Any encoding that Python knows is read. A file that declares a document type is refused:
    entities are declared there, which can read other files, or grow without bound.
    """

    def refuse(*_: Any) -> None:
        raise DataError(f"{file} declares a document type, which is not read")

    def start(name: str, attributes: dict[str, str]) -> None:
        builder.start(plain_name(name), attributes)

    def end(name: str) -> None:
        builder.end(plain_name(name))

    builder = TreeBuilder()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(decode_xml(file.read_bytes()).encode(), True)  # noqa: FBT003  (no names)
        return builder.close()
    except UnicodeError as error:
        raise DataError(
            f"{file} cannot be read: {error}; save it as UTF-8, or declare its encoding"
        ) from None
    except (OSError, LookupError, expat.ExpatError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None


def decode_xml(content: bytes) -> str:
    """The text of a file, by its first bytes, by what it declares, else UTF-8; no space before."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding).lstrip()
    declared = DECLARED.match(content)
    return content.decode(declared[1].decode() if declared else "utf-8").lstrip()


def plain_name(name: str) -> str:
    """`object` of `v:Object`."""
    return name.rpartition(":")[2].lower()
