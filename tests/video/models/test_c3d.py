"""C3D against PyTorch's layers, and the sizes of its maps at 16 x 112 x 112."""

import numpy as np
import pytest

from jaxdl.models.stages import stage_shapes
from jaxdl.video.models.c3d import C3D
from tests.models.weights.twins import quick_jit
from tests.video.models import torch_layers as th
from tests.video.models.random_variables import clips, random_variables, shapes_of


def test_logits_are_those_of_torchs_layers():
    torch = pytest.importorskip("torch")
    model = C3D(3, stages=(1, 2, 1), features=(3, 4, 5), hidden=(6, 7))
    x = clips(2, 4, 14, 14, 3)
    variables = random_variables(model, x.shape)
    p = variables["params"]
    y = th.channels_first(x)
    for stage, count in enumerate((1, 2, 1), 1):
        for i in range(1, count + 1):
            y = torch.relu(th.conv(y, p[f"conv{stage}_{i}"], padding=1))
        y = torch.nn.functional.max_pool3d(y, (1, 2, 2) if stage == 1 else 2, ceil_mode=True)
    y = y.permute(0, 2, 3, 4, 1).reshape(2, -1)
    for name in ("fc4", "fc5"):
        y = torch.relu(th.dense(y, p[name]))
    want = th.dense(y, p["head"])
    got = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_its_maps_are_the_papers():
    clip = (16, 112, 112, 3)
    shapes = stage_shapes(C3D(487), clip)
    assert shapes["conv1_1"] == (16, 112, 112, 64)
    assert shapes["pool1"] == (16, 56, 56, 64)
    assert shapes["pool5"] == (1, 4, 4, 512)
    params = shapes_of(C3D(487), (1, *clip))["params"]
    assert params["fc6"]["kernel"].shape == (8192, 4096)
