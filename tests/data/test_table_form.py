"""The form of a table: through JSON and back, and its scale in float64."""

import dataclasses
import json

import numpy as np
import pytest

from jaxdl.data.table_form import TableForm


def test_a_form_comes_back_from_json_bit_by_bit():
    form = TableForm(("a", "b"), (2, 0), 4, mean=(0.1, 1.7e9), std=(1 / 3, 60.0))
    assert TableForm.restored(**json.loads(json.dumps(dataclasses.asdict(form)))) == form
    assert form.is_named
    assert not TableForm.plain(3).is_named


@pytest.mark.parametrize("shape", [(2,), (1, 2)])
def test_large_numbers_keep_their_steps(shape):
    form = TableForm(("a", "b"), (0, 1), 3, mean=(1.7e9, 0.0), std=(60.0, 2.0))
    x = np.array([1.7e9 + 30, 5.0]).reshape(shape)
    scaled = form.scaled(x)
    np.testing.assert_array_equal(scaled, np.float32([0.5, 2.5]).reshape(shape))
    assert scaled.dtype == np.float32
