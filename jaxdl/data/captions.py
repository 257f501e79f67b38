"""Captions as a fixed number of word ids."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host

NULL, START, END, UNKNOWN = range(4)
SPECIAL = ("<NULL>", "<START>", "<END>", "<UNK>")


def split_words(text: str) -> list[str]:
    """Lower-case words and numbers; other signs separate them.

    The marks of a letter, which are signs of their own in many scripts, belong to it, as do joiners
    within a word; a letter with its accent is one however it is written (NFC).
    """
    text = unicodedata.normalize("NFC", text.lower()).replace("\u2019", "'")
    marks = "".join(sorted(c for c in set(text) if unicodedata.category(c)[0] == "M"))
    return word_pattern(marks).findall(text)


@lru_cache(100)
def word_pattern(marks: str) -> re.Pattern[str]:
    """Letters and digits, `marks` and joiners after the first, apostrophes in between."""
    letters = f"[^\\W_](?:[^\\W_]|[\u200c\u200d{re.escape(marks)}])*"
    return re.compile(f"{letters}(?:'{letters})*")


def build_vocabulary(
    texts: Iterable[str], *, least: int = 1, most: int | None = None
) -> tuple[str, ...]:
    """The special words, then those that occur `least` times, the frequent first.

    Ties are in the order of the alphabet; `most` bounds the length, special words included.
    """
    counts = Counter(word for text in texts for word in split_words(text))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [word for word, count in ranked if count >= least]
    if not words:
        raise DataError(f"build_vocabulary: no word occurs {least} times in the captions")
    return (*SPECIAL, *words)[:most]


def encode_captions(
    texts: Sequence[str], vocabulary: Sequence[str], length: int
) -> tuple[Host, int]:
    """<START>, words, <END>, <NULL>s: ids `(n, length)` int32, and how many texts were cut.

    One that is too long loses its last words and keeps <END>; an empty one is <START> <END>.
    """
    if length < 3:
        raise DataError(f"encode_captions: length must be >= 3, got {length}")
    number = {word: i for i, word in enumerate(vocabulary)}
    ids = np.full((len(texts), length), NULL, np.int32)
    cut = 0
    for row, text in zip(ids, texts, strict=True):
        words = split_words(text)
        cut += len(words) > length - 2
        words = words[: length - 2]
        row[: len(words) + 2] = [START, *(number.get(word, UNKNOWN) for word in words), END]
    return ids, cut


def check_ids(who: str, ids: Host, size: int) -> None:
    """Raises DataError unless ids lie in [0, size): on a device a larger one would give NaN."""
    bad = np.argwhere((ids < 0) | (ids >= size))
    if len(bad):
        row, value = bad[0][0], ids[tuple(bad[0])]
        raise DataError(
            f"{who}: ids must lie in 0..{size - 1}, got {value} in row {row} "
            f"({len(bad)} such ids); encode the texts with the vocabulary of training"
        )


def check_split_ids(splits: Mapping[str, Any], *names: str) -> None:
    """`check_ids` of these arrays of every split; of a streamed one, of its first batch."""
    for role, split in splits.items():
        held = split.resident() or split.batch(np.arange(min(split.size, split.batch_size)))
        for name in names:
            if name in held:
                check_ids(f"{role} split, {name}", held[name], len(splits["train"].vocabulary))


def decode_caption(ids: Host, vocabulary: Sequence[str]) -> str:
    """The words of ids up to <END>, without <START> and <NULL>."""
    words = []
    for i in np.asarray(ids).tolist():
        if not 0 <= i < len(vocabulary):
            raise DataError(
                f"decode_caption: id {i} is not in the vocabulary of {len(vocabulary)} words"
            )
        if i == END:
            break
        if i not in (NULL, START):
            words.append(vocabulary[i])
    return " ".join(words)
