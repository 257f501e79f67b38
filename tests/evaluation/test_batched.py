"""A program over parts of the rows against NumPy over all of them at once."""

import numpy as np
import pytest

from jaxdl.evaluation.batched import apply_in_batches


@pytest.mark.parametrize("size", [1, 4, 10, 16])
def test_every_row_comes_once_and_parts_have_one_shape(size):
    values, shapes = np.random.default_rng(0).normal(size=(10, 3)), set()

    def call(rows):
        shapes.add(rows.shape)
        return {"double": 2 * values[rows], "row": rows}

    got = apply_in_batches(call, 10, size)
    np.testing.assert_array_equal(got["double"], 2 * values)
    np.testing.assert_array_equal(got["row"], np.arange(10))
    assert shapes == {(size,)}
