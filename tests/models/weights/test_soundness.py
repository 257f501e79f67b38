"""By hand: one number of a sound file is damaged, on each road that weights come in by."""

import ml_dtypes
import numpy as np
import pytest

from jaxdl.checks import CheckpointError
from jaxdl.interop.torch_rnn import recurrent_from_torch
from jaxdl.models.weights.published import import_weights, load_weights, save_weights
from jaxdl.models.weights.soundness import check_sound
from jaxdl.models.weights.weight_file import read_metadata, read_weights, write_safetensors
from tests.models.weights.test_weight_rules import fitting

OPTIONS = {"blocks": (1,), "width": 4}
BROKEN = [
    ("bn1.running_var", "norm1/var", -1.0, "a variance is negative, -1"),
    ("bn1.running_var", "norm1/var", np.nan, "1 of 4 numbers are not finite"),
    ("bn1.running_mean", "norm1/mean", np.inf, "1 of 4 numbers are not finite"),
    ("conv1.weight", "conv1/kernel", np.nan, "1 of 588 numbers are not finite"),
]


def damaged(arrays, name, value):
    array = arrays[name].copy()
    array.flat[-1] = value
    return {**arrays, name: array}


@pytest.mark.parametrize(("theirs", "ours", "value", "why"), BROKEN)
def test_weights_that_no_training_gives_are_refused_by_name(tmp_path, theirs, ours, value, why):
    arrays = fitting()[2]
    file, own = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    write_safetensors(file, arrays)
    save_weights(own, import_weights(file, "resnet18", **OPTIONS))
    write_safetensors(file, damaged(arrays, theirs, value))
    with pytest.raises(CheckpointError, match=f"{file.name}.*\n  {theirs}: {why}$"):
        import_weights(file, "resnet18", **OPTIONS)
    mine = read_weights(own)
    size = arrays[theirs].size
    name = next(n for n in mine if n.endswith(ours) and mine[n].size == size)
    write_safetensors(own, damaged(mine, name, value), read_metadata(own))
    with pytest.raises(CheckpointError, match=f"{own.name}.*\n  {name}: {why}$"):
        load_weights(own)


def test_a_number_that_becomes_infinite_as_float32_is_found(tmp_path):
    arrays = fitting()[2]
    wide = damaged({"bn1.bias": arrays["bn1.bias"].astype(np.float64)}, "bn1.bias", 1e300)
    write_safetensors(tmp_path / "a.safetensors", {**arrays, **wide})
    with pytest.raises(CheckpointError, match=r"bn1\.bias: 1 of 4 numbers are not finite"):
        import_weights(tmp_path / "a.safetensors", "resnet18", cast=True, **OPTIONS)


def test_a_recurrent_layer_is_looked_at_too():
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    shapes = ((3, 2), (3, 3), (3,), (3,))
    arrays = {n: np.zeros(s, np.float32) for n, s in zip(names, shapes, strict=True)}
    with pytest.raises(CheckpointError, match="weight_hh_l0: 1 of 9 numbers are not finite"):
        recurrent_from_torch(damaged(arrays, "weight_hh_l0", np.nan), cell="rnn")


def test_at_most_ten_are_named_and_whole_numbers_pass():
    arrays = {f"a{i}": np.full(2, np.nan, ml_dtypes.bfloat16) for i in range(12)}
    arrays["count"] = np.ones(1, np.int64)
    with pytest.raises(CheckpointError, match="a9: 2 of 2 .*\n  and 2 more$"):
        check_sound("file", arrays)
    check_sound("file", {"var": np.zeros(2), "mean": -np.ones(2)}, {"var"})
