"""XML from someone else, read without what makes XML dangerous."""

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jaxdl.checks import DataError


def read_xml(file: Path) -> Element:
    """The root of a file. One that declares a document type is refused.

    Entities are declared there: they can read other files, or grow without bound.
    """

    def refuse(*_: Any) -> None:
        raise DataError(f"{file} declares a document type, which is not read")

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(file.read_bytes(), True)  # noqa: FBT003  (it takes no names)
        return builder.close()
    except (OSError, expat.ExpatError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
