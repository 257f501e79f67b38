"""`jaxdl check-data`: a set by its name, by a config's, and with a row that is wrong."""

import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.commands import check_data
from tests.commands.asking import ask


@pytest.mark.parametrize("name", ["digits", "digits_mlp"])
def test_scikit_learns_digits_have_no_bad_row(name, capsys):
    assert ask(check_data, name) == 0
    assert "1437" in capsys.readouterr().out


def test_a_label_that_is_no_class_ends_with_the_code_of_data(tmp_path):
    image, label = np.zeros((20, 4, 4, 1), np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", image=image, label=np.where(np.arange(20) == 7, -1, label))
    with pytest.raises(DataError, match=r"label: -1 in row 7 is no class \(1 such\)") as error:
        ask(check_data, "npz", "--path", tmp_path / "own.npz")
    assert error.value.code == 6


def test_fields_of_a_config_and_of_a_set_are_read_alike():
    for name, flag in (("digits", "--batch_size=7"), ("digits_mlp", "--data.batch_size=7")):
        assert check_data.read_data(name, [flag], "show").batch_size == 7
