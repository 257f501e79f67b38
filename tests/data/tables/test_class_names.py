"""Labels as classes: worked by hand, as people and pandas write them."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.tables.class_names import number_classes


def classes_of(*values):
    return number_classes("t", range(1, len(values) + 1), values)


@pytest.mark.parametrize(
    ("values", "names", "numbers"),
    [
        (["10", "9", "-1", "9"], ("-1", "9", "10"), [2, 1, 0, 1]),
        (["1.0", "0.0", "1"], ("0", "1"), [1, 0, 1]),
        (["007", "7", "7"], ("007", "7"), [0, 1, 1]),
        (["012", "003"], ("003", "012"), [1, 0]),
        (["0.5", "0", "1e1"], ("0", "0.5", "10"), [1, 0, 2]),
        (["1000001", "1000002"], ("1000001", "1000002"), [0, 1]),
        (["9007199254740993", "9007199254740992"], None, [1, 0]),
        (["True", "False"], ("False", "True"), [1, 0]),
        (["b", "1", "a"], ("1", "a", "b"), [2, 0, 1]),
        (["None", "Norway"], ("None", "Norway"), [0, 1]),
    ],
)
def test_names_are_kept_apart_and_in_order(values, names, numbers):
    ids, classes = classes_of(*values)
    if names is not None:
        assert classes == names
        np.testing.assert_array_equal(ids, numbers)
    assert len(classes) == len(set(numbers))
    assert ids.dtype == np.int32


@pytest.mark.parametrize("gap", ["nan", "NaN", "NA", "N/A", "null", "?", "-", "<NA>"])
@pytest.mark.parametrize("other", ["1", "cat"])
def test_a_label_that_is_missing_is_no_class(gap, other):
    with pytest.raises(
        DataError, match=rf"t, line 2: the label '{gap.replace('?', '.')}' says.*1 such"
    ):
        classes_of(other, gap, "2")


def test_quantities_are_no_classes():
    rows = range(40)
    with pytest.raises(DataError, match="has 40 different values in 40 rows.*--data.label_type"):
        classes_of(*(f"row {i}" for i in rows))
    with pytest.raises(DataError, match="has 21 different values with decimals"):
        number_classes("t", range(420), [f"{i % 21 + 0.5}" for i in range(420)])
    assert len(number_classes("t", range(420), [f"{i % 21}" for i in range(420)])[1]) == 21


def test_another_table_numbers_alike():
    ids, classes = number_classes("t", [1, 2], ["b", "a"], ("z", "b", "a"))
    np.testing.assert_array_equal(ids, [1, 2])
    assert classes == ("z", "b", "a")
    with pytest.raises(DataError, match="t, row 2: 'x' is no class of training's a"):
        number_classes("t", [1, 2], ["a", "x"], ("a",), unit="row")
