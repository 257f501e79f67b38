"""The order that a set had before tensorflow-datasets shuffled it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.tfds.prepared import open_version
from jaxdl.data.tfds.rows import stored_rows
from jaxdl.typing import Host


def original_order(version: Path, split: str) -> Host:
    """The rows of a prepared split by the numbers in their ids: `train_00007` is the eighth.

    Raises DataError for a set whose rows have no such ids, or two of one number.
    """
    builder = open_version(version)
    features: Any = builder.info.features
    if "id" not in features:
        raise DataError(f"{version}: its rows have no ids; it has {', '.join(sorted(features))}")
    ids = [bytes(row["id"]).decode() for row in stored_rows(builder, split)]
    ends = [re.search(r"(\d+)$", name) for name in ids]
    if not all(ends) or len({end[1] for end in ends if end}) < len(ids):
        raise DataError(f"{version}, {split}: ids must end with a number each, got {ids[0]!r}")
    return np.argsort([int(end[1]) for end in ends if end])
