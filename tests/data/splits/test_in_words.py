"""A data set in a line against lines written by hand."""

import numpy as np

from jaxdl.data.splits.in_words import in_words
from jaxdl.data.splits.split import NoData, Split


def rows(count, **options):
    return Split({"x": np.zeros(count)}, batch_size=1, **options)


def test_rows_classes_and_words_are_counted():
    splits = {"train": rows(1200, classes=("a", "b")), "val": rows(7), "test": rows(20)}
    assert in_words("mine", splits) == "mine: 1,200 train, 7 val, 20 test rows; 2 classes"
    made = rows(3, vocabulary=tuple("abcd"), synthetic="circles")
    assert in_words("made", {"train": made}) == "made (synthetic): 3 train rows; 4 words"


def test_steps_without_data_have_no_rows():
    assert in_words("acrobot", {"train": NoData(5)}) == "acrobot"
