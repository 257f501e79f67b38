"""SlowFast: the published numbers of parameters, PyTorch's layers, and which way lateral goes."""

import jax
import numpy as np
import pytest

from jaxdl.video.models.slowfast import SlowFast
from tests.models.weights.twins import quick_jit
from tests.video.models import torch_layers as th
from tests.video.models.random_variables import clips, random_variables, shapes_of


@pytest.mark.parametrize(
    ("options", "millions"), [({}, 34.48), ({"alpha": 4, "lateral": 7}, 34.57)]
)
def test_parameters_are_as_many_as_published(options, millions):
    """Of SlowFast-R50 4x16 and 8x8 on Kinetics-400."""
    shapes = shapes_of(SlowFast(400, **options), (1, 32, 64, 64, 3))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) / 1e6 == pytest.approx(
        millions, abs=1
    )


def block_by_torch(x, params, stats, stride):
    import torch

    y = th.conv_norm(x, params["conv1"], stats["conv1"])
    y = th.conv_norm(y, params["conv2"], stats["conv2"], (1, stride, stride))
    y = th.conv_norm(y, params["conv3"], stats["conv3"], act=False)
    if "proj" in params:
        x = th.conv_norm(x, params["proj"], stats["proj"], (1, stride, stride), act=False)
    return torch.relu(x + y)


@pytest.mark.parametrize(("small", "blocks"), [(True, (1, 2)), (False, (1,))])
def test_it_is_torchs_layers_and_the_lateral_connections_go_one_way(small, blocks):
    torch = pytest.importorskip("torch")
    model = SlowFast(3, blocks=blocks, width=4, ratio=2, alpha=2, lateral=3, small=small)
    x = clips(1, 4, 8, 8, 3)
    variables = random_variables(model, x.shape)
    p, s = variables["params"], variables["batch_stats"]
    paths = {}
    for path, frames in (("slow", x[:, ::2]), ("fast", x)):
        name = f"{path}_stem"
        y = th.conv_norm(th.channels_first(frames), p[name], s[name], (1, 2, 2))
        if not small:
            y = torch.nn.functional.max_pool3d(y, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        paths[path] = y
    for stage, count in enumerate(blocks, 1):
        name = f"lateral{stage}"
        side = th.conv_norm(paths["fast"], p[name], s[name], (2, 1, 1))
        paths["slow"] = torch.cat([paths["slow"], side], 1)
        for path in paths:
            for i in range(1, count + 1):
                name = f"{path}_stage{stage}_block{i}"
                step = 2 if stage == 2 and i == 1 else 1
                paths[path] = block_by_torch(paths[path], p[name], s[name], step)
    pooled = torch.cat([y.mean((2, 3, 4)) for y in paths.values()], 1)
    want = th.dense(pooled, p["head"])
    apply = quick_jit(lambda v, x: model.apply(v, x, train=False, stages=True))
    out = apply(variables, x)
    np.testing.assert_allclose(out["logits"], want, atol=1e-4 * max(1, want.abs().max()))
    # A frame that the slow pathway leaves out reaches it through the fast one, and never back.
    moved = x.copy()
    moved[:, 1] += 1
    other = apply(variables, moved)
    np.testing.assert_array_equal(other["slow_stem"], out["slow_stem"])
    assert np.abs(other["slow_stage1"] - out["slow_stage1"]).max() > 1e-3
    slow = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf * 2 if path[1].key.startswith(("slow", "lateral")) else leaf,
        variables,
    )
    np.testing.assert_array_equal(apply(slow, x)["fast_stage1"], out["fast_stage1"])
