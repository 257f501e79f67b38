"""A text file of one's own as a line of characters."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host


class Characters(NamedTuple):
    """`ids` `(N,)` int32, one per character, and what each stands for, in the order of Unicode."""

    ids: Host
    vocabulary: tuple[str, ...]

    def text(self, ids: Host) -> str:
        """Ids as characters."""
        return "".join(self.vocabulary[i] for i in ids)


def read_text(path: Path | str, *, vocabulary: tuple[str, ...] = ()) -> Characters:
    """The characters of a UTF-8 file, or of one packed by gzip; line ends become newlines.

    `vocabulary`: that of another text; a character it has not is an error.
    """
    path = Path(path)
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed).decode(
            "utf-8-sig"
        )
    except (OSError, EOFError) as error:
        raise DataError(f"read_text: {path} cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"read_text: {path} is not UTF-8 text, at byte {error.start}; convert it first"
        ) from None
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
