"""A text file of one's own as a line of characters."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.files.capped import read_characters
from jaxdl.typing import Host


class Characters(NamedTuple):
    """`ids` `(N,)` int32, one per character, and what each stands for, in the order of Unicode."""

    ids: Host
    vocabulary: tuple[str, ...]

    def text(self, ids: Host) -> str:
        """Ids as characters."""
        return "".join(self.vocabulary[i] for i in ids)


def read_text(path: Path | str, *, vocabulary: tuple[str, ...] = ()) -> Characters:
    """The characters of a text file, also of one packed by gzip; line ends become newlines.

    `vocabulary`: that of another text; a character it has not is an error.
    """
    path = Path(path)
    text = read_characters(path, "read_text")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DataError(f"read_text: {path} has no text")
    return encode_characters(text, vocabulary, str(path))


def encode_characters(text: str, vocabulary: tuple[str, ...], who: str) -> Characters:
    """Each character's number in `vocabulary`, or in the text's own if that is empty."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    own, ids = np.unique(codes, return_inverse=True)
    if not vocabulary:
        return Characters(ids.astype(np.int32), tuple(map(chr, own)))
    place = {character: i for i, character in enumerate(vocabulary)}
    strange = [chr(code) for code in own if chr(code) not in place]
    if strange:
        raise DataError(f"{who}: characters {strange[:9]} are not in the vocabulary of training")
    table = np.array([place[chr(code)] for code in own], np.int32)
    return Characters(table[ids], vocabulary)
