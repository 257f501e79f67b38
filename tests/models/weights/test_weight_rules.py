"""The table of names: every problem at once, and the same file again on the way back."""

import re

import numpy as np
import pytest

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.small.lenet import LeNet
from jaxdl.models.transformers.vit import ViT
from jaxdl.models.weights.rule_sets import find_source, rules_for
from jaxdl.models.weights.weight_rules import count_classes, from_torch, places, to_torch
from tests.models.weights.test_torchvision_rules import FAMILIES
from tests.models.weights.twins import arrays_of, randomize, shapes_of


@pytest.mark.parametrize("family", FAMILIES)
def test_there_and_back_is_bit_equal(torchvision, family):
    model, twin, sizes = FAMILIES[family](torchvision)
    arrays = arrays_of(randomize(twin))
    rules = rules_for(model)
    variables = from_torch(rules, arrays, shapes_of(model, sizes[0]))
    back = to_torch(rules, variables)
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value, err_msg=name, strict=True)
    assert count_classes(rules, arrays) == 7
    assert find_source(model, list(arrays), shapes_of(model, sizes[0])) == "torchvision"


MODEL = ResNet(3, (1,), width=4)


def fitting():
    rules, like = rules_for(MODEL), shapes_of(MODEL, 32)
    arrays = {place.theirs: np.ones(place.their_shape, np.float32) for place in places(rules, like)}
    return rules, like, arrays


def test_all_problems_come_at_once():
    rules, like, arrays = fitting()
    del arrays["layer1.0.bn2.running_var"]
    arrays["layer9.weight"] = np.ones(2, np.float32)
    arrays["conv1.weight"] = np.ones((4, 3, 3, 3), np.float32)
    arrays["fc.bias"] = np.ones(3, np.int32)
    arrays["bn1.bias"] = np.ones(4, np.float16)
    with pytest.raises(CheckpointError) as error:
        from_torch(rules, arrays, like, who="file.pth")
    lines = str(error.value).splitlines()
    assert lines[0] == "file.pth does not fit the model:"
    assert sorted(re.sub(" +", " ", line.strip()) for line in lines[1:]) == [
        "misread bn1.bias: must be float32, got float16; cast takes it",
        "misread fc.bias: must be float32, got int32",
        "misshapen conv1.weight: must be (4, 3, 7, 7), got (4, 3, 3, 3)",
        "missing layer1.0.bn2.running_var (4,)",
        "unused layer9.weight (2,)",
    ]


def test_other_floats_are_cast_only_when_asked():
    rules, like, arrays = fitting()
    arrays["bn1.bias"] = np.full(4, 0.1, np.float64)
    with pytest.raises(CheckpointError, match="cast takes it"):
        from_torch(rules, arrays, like)
    variables = from_torch(rules, arrays, like, cast=True)
    bias = variables["params"]["norm1"]["bias"]
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, np.float32(0.1))
    arrays["bn1.bias"] = np.ones(4, np.int64)
    with pytest.raises(CheckpointError, match="must be float32, got int64"):
        from_torch(rules, arrays, like, cast=True)


def test_counters_may_be_absent_and_old_names_are_known(torchvision):
    rules, like, arrays = fitting()  # it has no num_batches_tracked
    assert from_torch(rules, arrays, like)["params"]["conv1"]["kernel"].shape == (7, 7, 3, 4)
    model, twin, sizes = FAMILIES["densenet"](torchvision)
    arrays = arrays_of(twin)
    old = {
        re.sub(r"(denselayer\d\.(?:norm|conv))(\d)", r"\1.\2", name): value
        for name, value in arrays.items()
    }
    assert old.keys() != arrays.keys()
    from_torch(rules_for(model), old, shapes_of(model, sizes[0]))
    model, twin, sizes = FAMILIES["vit"](torchvision)
    arrays = arrays_of(twin)
    old = {
        name.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): value
        for name, value in arrays.items()
    }
    assert old.keys() != arrays.keys()
    from_torch(rules_for(model), old, shapes_of(model, sizes[0]))


def test_a_model_without_rules_or_a_library_without_names():
    with pytest.raises(UsageError, match="torchvision has no names for LeNet; there are rules for"):
        rules_for(LeNet(3))
    with pytest.raises(UsageError, match="weights: source must be one of torchvision, timm"):
        rules_for(MODEL, "keras")
    rules, _, _ = fitting()
    assert count_classes(rules, {}) == 0


TIMM_VIT = """cls_token pos_embed patch_embed.proj.weight patch_embed.proj.bias
blocks.0.norm1.weight blocks.0.norm1.bias blocks.0.attn.qkv.weight blocks.0.attn.qkv.bias
blocks.0.attn.proj.weight blocks.0.attn.proj.bias blocks.0.norm2.weight blocks.0.norm2.bias
blocks.0.mlp.fc1.weight blocks.0.mlp.fc1.bias blocks.0.mlp.fc2.weight blocks.0.mlp.fc2.bias
norm.weight norm.bias head.weight head.bias"""


def test_timms_names_of_a_vit():
    model = ViT(7, patch=8, width=12, depth=1, heads=3, hidden=20)
    found = {
        p.theirs: p.their_shape for p in places(rules_for(model, "timm"), shapes_of(model, 32))
    }
    assert found.keys() == set(TIMM_VIT.split())
    assert found["cls_token"] == (1, 1, 12)
    assert found["pos_embed"] == (1, 17, 12)
    assert found["blocks.0.attn.qkv.weight"] == (36, 12)
    assert find_source(model, TIMM_VIT.split(), shapes_of(model, 32)) == "timm"
