"""Vocabularies and fixed lengths of captions, by hand."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.captions import (
    SPECIAL,
    build_vocabulary,
    decode_caption,
    encode_captions,
    split_words,
)

TEXTS = ["A man's dog, and a CAT.", "two dogs; a cat!", "the café-bar no. 9", ""]


def test_words_and_their_order():
    vocabulary = build_vocabulary(TEXTS)
    assert vocabulary[:4] == SPECIAL
    assert vocabulary[4:6] == ("a", "cat")  # three times, twice
    assert vocabulary[6:] == ("9", "and", "bar", "café", "dog", "dogs", "man's", "no", "the", "two")
    assert build_vocabulary(TEXTS, least=2) == (*SPECIAL, "a", "cat")
    assert build_vocabulary(TEXTS, most=5) == (*SPECIAL, "a")
    with pytest.raises(DataError, match="no word occurs 9 times"):
        build_vocabulary(TEXTS, least=9)


@pytest.mark.parametrize("length", [5, 9])
def test_captions_have_a_fixed_length_and_keep_their_end(length):
    vocabulary = build_vocabulary(TEXTS)
    ids, cut = encode_captions(TEXTS, vocabulary, length)
    assert ids.shape == (4, length)
    assert ids.dtype == np.int32
    assert cut == (3 if length == 5 else 0)
    for row, text in zip(
        ids, ["a man's dog and a cat", "two dogs a cat", "the café bar no 9", ""], strict=True
    ):
        kept = text.split()[: length - 2]
        want = [1, *(vocabulary.index(w) for w in kept), 2]
        np.testing.assert_array_equal(row, want + [0] * (length - len(want)))
        assert decode_caption(row, vocabulary) == " ".join(kept)


def test_rare_words_are_unknown_and_empty_captions_are_start_and_end():
    vocabulary = build_vocabulary(TEXTS, least=2)
    ids, _ = encode_captions(["a zebra cat", "   "], vocabulary, 6)
    np.testing.assert_array_equal(ids, [[1, 4, 3, 5, 2, 0], [1, 2, 0, 0, 0, 0]])
    assert decode_caption(ids[0], vocabulary) == "a <UNK> cat"


def test_errors():
    with pytest.raises(DataError, match="id 99 is not in the vocabulary of 16"):
        decode_caption(np.array([1, 99]), build_vocabulary(TEXTS))
    with pytest.raises(DataError, match="length must be >= 3"):
        encode_captions(TEXTS, SPECIAL, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("लाल किताब, नीली किताब।", ["लाल", "किताब", "नीली", "किताब"]),
        ("สีแดง สีน้ำเงิน", ["สีแดง", "สีน้ำเงิน"]),
        ("క్‌షమించు నమస్తే", ["క్‌షమించు", "నమస్తే"]),  # with a joiner (U+200C)
        ("cafe\u0301 noir CAFE\u0301", ["caf\u00e9", "noir", "caf\u00e9"]),
        ("the dog\u2019s ball, 'quoted'", ["the", "dog's", "ball", "quoted"]),
        ("❤\ufe0f a 🐕\u200d🦺 dog_house", ["a", "dog", "house"]),
        ("ÅNGSTRÖM 3½", ["ångström", "3½"]),
    ],
)
def test_words_keep_their_marks_in_every_script(text, words):
    assert split_words(text) == words
    assert decode_caption(*caption_of(text)) == " ".join(words)


def caption_of(text):
    vocabulary = build_vocabulary([text])
    ids, _ = encode_captions([text], vocabulary, 17)
    return ids[0], vocabulary


def test_the_notes_sample_caption():
    """<START> two bunches of fresh bananas hanging from <UNK> <END>: a word that is rare."""
    often = ["two", "bunches", "of", "fresh", "bananas", "hanging", "from"]
    vocabulary = (*SPECIAL, *often)
    ids, cut = encode_captions(
        ["Two bunches of fresh bananas hanging from rafters."], vocabulary, 17
    )
    words = ["<START>", *often, "<UNK>", "<END>", *["<NULL>"] * 7]
    assert [vocabulary[i] for i in ids[0]] == words
    assert cut == 0
    assert decode_caption(ids[0], vocabulary) == "two bunches of fresh bananas hanging from <UNK>"
