"""The first line of a training against one written by hand."""

import jax
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.models.summary.overview import overview

SPLITS = {"train": Split({"image": np.zeros((12, 2, 2, 1))}, classes=("a", "b"), batch_size=4)}
PARAMS = {"g": {"kernel": jax.ShapeDtypeStruct((300, 4), np.float32)}, "d": np.zeros(34)}


@pytest.mark.parametrize(
    ("toml", "name"),
    [
        (None, "data"),
        ("[data]\nname = 'mine'", "mine"),
        ("[env]\nname = 'acrobot'", "acrobot"),
        ("data = 3", "data"),
    ],
)
def test_data_rows_classes_parameters_and_devices_are_in_one_line(tmp_path, toml, name):
    if toml:
        (tmp_path / "config.toml").write_text(toml)
    said = overview(tmp_path, SPLITS, PARAMS, 2)
    assert said == f"{name}: 12 train rows; 2 classes; 1,234 parameters; on 2 x cpu: cpu"
