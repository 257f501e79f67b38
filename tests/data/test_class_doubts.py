"""Classes as they come from folders and tables; what a person would ask about is in the list."""

import numpy as np
import pytest

from jaxdl.data.class_doubts import doubt_classes, note_taken
from jaxdl.data.source import ArraySource, Dataset


@pytest.mark.parametrize(
    ("classes", "labels", "words"),
    [
        (("a", "b"), [0, 1, 1, 0], []),
        (("a",), [0, 0], ["there is one class, 'a'"]),
        (("0", "1", "2"), [1, 2, 2, 1], ["'0'; labels that begin at 1? subtract 1"]),
        (("a", "b", "c"), [0, 1, 1, 0], ["no row in train is of class 'c'"]),
        (("a", "b"), [0] * 30 + [1], ["one row alone in train is of class 'b'"]),
        (("Yes", "no", "yes"), [0, 1, 2], ["classes 'Yes' and 'yes' differ in capitals"]),
        (("a", "A"), [0, 1], []),  # letters
    ],
)
def test_odd_classes_are_named(classes, labels, words):
    doubts = doubt_classes(classes, np.array(labels))
    assert len(doubts) == len(words)
    for doubt, word in zip(doubts, words, strict=True):
        assert word in doubt


def test_what_was_taken_is_noted_before_the_rest():
    source = ArraySource({"label": np.array([0, 0])})
    note_taken(Dataset({"train": source}, ("big\ncat",)), ["read from x"], ["odd"])
    assert source.notes is not None
    assert source.notes.taken == ["read from x", r"2 rows, 1 class: big\ncat"]
    assert source.notes.doubts[0] == "odd"
    assert len(source.notes.doubts) == 2
