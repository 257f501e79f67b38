"""The four ways to join frames: the tables that are taught with them, and PyTorch's layers."""

import jax
import numpy as np
import pytest

from jaxdl.models.stages import stage_shapes
from jaxdl.models.summary.receptive_field import sizes
from jaxdl.models.summary.stage_windows import stage_field
from jaxdl.video.models.fusion import EarlyFusion, LateFusion, SingleFrame, SlowFusion
from tests.models.weights.twins import quick_jit
from tests.video.models import torch_layers as th
from tests.video.models.random_variables import clips, random_variables

CLIP = (20, 64, 64, 3)
# stage -> (channels, T, H, W) and the field (T, H, W), for clips of 3 x 20 x 64 x 64
TABLES = {
    "late": (
        LateFusion(5, fusion="mean"),
        {
            "conv1": ((12, 20, 64, 64), (1, 3, 3)),
            "pool1": ((12, 20, 16, 16), (1, 6, 6)),
            "conv2": ((24, 20, 16, 16), (1, 14, 14)),
            "pooled": ((24,), (20, 64, 64)),
        },
    ),
    "early": (
        EarlyFusion(5),
        {
            "conv1": ((12, 64, 64), (20, 3, 3)),
            "pool1": ((12, 16, 16), (20, 6, 6)),
            "conv2": ((24, 16, 16), (20, 14, 14)),
            "pooled": ((24,), (20, 64, 64)),
        },
    ),
    "slow": (
        SlowFusion(5),
        {
            "conv1": ((12, 20, 64, 64), (3, 3, 3)),
            "pool1": ((12, 5, 16, 16), (6, 6, 6)),
            "conv2": ((24, 5, 16, 16), (14, 14, 14)),
            "pooled": ((24,), (20, 64, 64)),
        },
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_shapes_and_receptive_fields_are_those_of_the_table(name):
    model, table = TABLES[name]
    shapes = stage_shapes(model, CLIP)
    for stage, (shape, field) in table.items():
        got = shapes[stage]
        if name == "late" and stage != "pooled":  # frames are rows there
            got = (20, *got)
        assert (got[-1], *got[:-1]) == shape, stage
        assert sizes(stage_field(model, CLIP, stage), (1, *CLIP)) == field, stage


def test_one_filter_over_all_frames_has_a_weight_for_each():
    """60 -> 12 features 3x3 early, 3 -> 12 features 3x3x3 slowly, with the same receptive field."""
    kernels = {}
    for name, (model, _) in TABLES.items():
        params = random_variables(model, (1, *CLIP))["params"]
        kernels[name] = params["stack"]["conv1"]["conv"]["kernel"].shape
    assert kernels == {"late": (3, 3, 3, 12), "early": (3, 3, 60, 12), "slow": (3, 3, 3, 3, 12)}


def by_torch(model, variables, x):
    """Logits of the network by PyTorch's layers."""
    import torch

    params, stats = variables["params"], variables["batch_stats"]["stack"]
    b, t, h, w, c = x.shape
    images = x.reshape(b * t, h, w, c)
    if isinstance(model, EarlyFusion):
        images = np.concatenate([x[:, i] for i in range(t)], axis=-1)
    given = x if isinstance(model, SlowFusion) else images
    y = th.stack(th.channels_first(given), params["stack"], stats, model.pools)
    if isinstance(model, SingleFrame):
        logits = th.dense(y.mean((2, 3)), params["head"]).reshape(b, t, -1)
        return torch.log(torch.softmax(logits, -1).mean(1))
    if isinstance(model, LateFusion) and model.fusion == "concatenate":
        y = y.permute(0, 2, 3, 1).reshape(b, -1)
        return th.dense(torch.relu(th.dense(y, params["join"])), params["head"])
    if isinstance(model, LateFusion):
        return th.dense(y.mean((2, 3)).reshape(b, t, -1).mean(1), params["head"])
    return th.dense(y.mean(tuple(range(2, y.ndim))), params["head"])


SMALL = {"features": (3, 4), "pools": (2, 1)}
MODELS = {
    "single": SingleFrame(3, **SMALL),
    "late": LateFusion(3, **SMALL, hidden=5),
    "mean": LateFusion(3, **SMALL, fusion="mean"),
    "early": EarlyFusion(3, **SMALL),
    "slow": SlowFusion(3, **SMALL),
}


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_torchs_layers(name):
    pytest.importorskip("torch")
    model, x = MODELS[name], clips(2, 4, 6, 6, 3)
    variables = random_variables(model, x.shape)
    got = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(got, by_torch(model, variables, x).numpy(), atol=1e-4)


def test_a_mean_over_frames_does_not_know_their_order_and_concatenation_does():
    x = clips(1, 4, 6, 6, 3)
    for name, same in (("mean", True), ("single", True), ("late", False)):
        model = MODELS[name]
        variables = random_variables(model, x.shape)
        apply = quick_jit(lambda v, x, model=model: model.apply(v, x, train=False))
        assert np.allclose(apply(variables, x), apply(variables, x[:, ::-1]), atol=1e-5) == same


def test_wrong_arguments_are_named():
    x = np.zeros((1, 4, 6, 6, 3), np.float32)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match=r"SlowFusion: x .*5 axes"):
        SlowFusion(3).init(key, x[0], train=False)
    with pytest.raises(ValueError, match="'sum'"):
        LateFusion(3, fusion="sum").init(key, x, train=False)
    with pytest.raises(ValueError, match=r"one per layer.*\(3, 4\) and \(2,\)"):
        SlowFusion(3, features=(3, 4), pools=(2,)).init(key, x, train=False)
