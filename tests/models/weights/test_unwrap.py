"""Names as DDP, torch.compile, Lightning, timm and averaged models write them: the plain ones."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.models.weights.unwrap import unwrap

PLAIN = {"conv1.weight": 1, "fc.bias": 2}


def under(prefix, names=None):
    return {f"{prefix}.{name}": value for name, value in (names or PLAIN).items()}


EMA = {name: -value for name, value in PLAIN.items()}
FILES = {
    "plain": PLAIN,
    "compiled": under("_orig_mod"),
    "parallel": under("module"),
    "both": under("module._orig_mod"),
    "lightning": under("state_dict.model") | {"state_dict.criterion.weight": 3},
    "detr": under("model") | under("optimizer.state"),
    "with averages": under("model") | under("model_ema", EMA),
    "timm": under("state_dict") | under("state_dict_ema", EMA),
    "averaged": under("module") | {"n_averaged": 7},
    "deep": under("model.state_dict.module.model"),
}


@pytest.mark.parametrize("name", FILES)
def test_known_wrappings_come_off_and_are_said(name):
    found, done = unwrap(FILES[name])
    assert found == PLAIN
    assert bool(done) == (name != "plain")


def test_the_part_can_be_chosen():
    arrays = FILES["with averages"]
    assert unwrap(arrays)[1] == ["taken: 2 arrays of model, not the 2 of model_ema"]
    assert unwrap(arrays, "model_ema")[0] == EMA
    assert unwrap(arrays, "all") == (arrays, [])
    assert unwrap({**under("teacher.module"), "student.x": 1}, "teacher")[0] == PLAIN
    with pytest.raises(UsageError, match="a.pth: has no part 'ema'; it has model, model_ema"):
        unwrap(arrays, "ema", who="a.pth")


@pytest.mark.parametrize("name", ["features.0.weight", "net.fc.bias", "modules.0.bias", "x"])
def test_names_of_models_stay(name):
    assert unwrap({name: 1}) == ({name: 1}, [])


def test_averages_alone_are_taken():
    assert unwrap(under("model_ema", EMA) | {"epoch.x": 0})[0] == EMA
