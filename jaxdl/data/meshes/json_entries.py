"""The entries of a JSON file that is one list of objects."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxdl.checks import DataError
from jaxdl.data.files.capped import read_capped
from jaxdl.data.files.coco_schema import show_value


def read_entries(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """(what messages call it, its fields) of each entry."""
    try:
        content = json.loads(read_capped(path, "data.path"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no JSON file that can be read: {error}") from None
    if not isinstance(content, list):
        raise DataError(f"{path} must hold a list of entries, got {show_value(content)}")
    named = [(f"{path}: entry {i}", entry) for i, entry in enumerate(content)]
    for who, entry in named:
        if not isinstance(entry, dict):
            raise DataError(f"{who} must be an object with fields, got {show_value(entry)}")
    return named
