"""Vectors of words that were learned from text, such as GloVe's (Pennington et al. 2014).

A folder holds `words.txt`, one word a line, the frequent first, and one `.npz` file whose `vectors`
`(N, D)` stand in the same order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxdl.checks import DataError, unknown
from jaxdl.data.files.capped import read_capped
from jaxdl.data.files.own_path import find_path
from jaxdl.data.tables.npz import load_arrays
from jaxdl.typing import Host


@dataclass(frozen=True)
class WordVectors:
    """`words` and their `vectors` `(N, D)` float32, in one order."""

    words: tuple[str, ...]
    vectors: Host

    @cached_property
    def place(self) -> dict[str, int]:
        """Word -> row."""
        return {word: i for i, word in enumerate(self.words)}

    def row(self, word: str) -> int:
        """The row of a word; raises UsageError, with near ones, for one that is not there."""
        if word not in self.place:
            raise unknown(f"word vectors ({len(self.words)} words)", word, self.words)
        return self.place[word]

    def of(self, words: list[str] | tuple[str, ...]) -> Host:
        """The vectors of these words `(n, D)`; see `row`."""
        return self.vectors[[self.row(word) for word in words]]


def read_word_vectors(folder: str, *, field: str = "vectors") -> WordVectors:
    """The vectors of a folder here or below `JAXDL_DATA_DIR`; `field` names the option in errors.

    Raises DataError where files are missing or do not fit together.
    """
    path = find_path(folder, field=field)
    packed = sorted(path.glob("*.npz")) if path.is_dir() else []
    if len(packed) != 1:
        raise DataError(f"{field}: {path} must be a folder with one .npz file and words.txt")
    words = read_capped(path / "words.txt", field).decode("utf-8").split("\n")
    words = tuple(words[:-1] if words[-1] == "" else words)
    vectors = load_arrays(packed[0]).get("vectors")
    if vectors is None or vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise DataError(f"{field}: {packed[0]} must have vectors (N, D) of real numbers")
    if len(vectors) != len(words):
        raise DataError(
            f"{field}: {path} has {len(words)} words and {len(vectors)} vectors; they must be equal"
        )
    if not np.isfinite(vectors).all():
        raise DataError(f"{field}: {packed[0]} has a number that is not finite")
    if len(set(words)) < len(words):
        twice = next(word for i, word in enumerate(words) if word in words[:i])
        raise DataError(f"{field}: {path / 'words.txt'} has {twice!r} twice")
    return WordVectors(words, vectors.astype(np.float32))
