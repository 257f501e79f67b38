"""Voxels and points from pictures against the same networks in torch in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.vision3d.single_view.shape_decoders import PointSet, VoxelBridge, VoxelTubes
from tests.vision3d.single_view.drawn_weights import drawn_weights

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 16, 16, 3)), jnp.float32)
ENCODER = (2, 3, 4)


def run(net):
    variables = drawn_weights(net, X, train=False)
    return variables, jax.jit(lambda v: net.apply(v, X, train=False))(variables)


def dense(p, h):
    return h @ p["kernel"] + p["bias"]


def flat(last):
    return last.permute(0, 2, 3, 1).reshape(len(last), -1)


def encoded(variables, inside):
    torch = pytest.importorskip("torch")
    from tests.vision3d.single_view import torch_forms as forms

    p, stats = (forms.tensors(variables[k]) for k in ("params", "batch_stats"))
    own, kept = (p["picture"], stats["picture"]) if inside else (p, stats)
    picture = torch.tensor(np.asarray(X, np.float64)).permute(0, 3, 1, 2)
    both = {"params": own["encoder"], "batch_stats": kept["encoder"]}
    maps = forms.encoder_maps(both, picture)
    return p, maps, torch.relu(dense(own["whole"], flat(maps[-1])))


def test_a_bridge_to_voxels_is_that_of_torch():
    torch = pytest.importorskip("torch")
    variables, got = run(VoxelBridge(8, ENCODER, hidden=6, features=3))
    p, _, h = encoded(variables, True)
    h = torch.relu(dense(p["bridge"], h)).reshape(2, 2, 2, 2, 3).permute(0, 4, 1, 2, 3)
    for i in range(2):
        h = torch.nn.functional.interpolate(h, scale_factor=2, mode="nearest")
        kernel = p[f"conv{i}"]["kernel"].permute(4, 3, 0, 1, 2)
        h = torch.nn.functional.conv3d(h, kernel, p[f"conv{i}"]["bias"], padding=1)
        h = h if i else torch.relu(h)
    np.testing.assert_allclose(got, h[:, 0], atol=1e-5)
    with pytest.raises(ValueError, match="multiple of 4, got 10"):
        run(VoxelBridge(10))


def test_tubes_are_those_of_torch():
    torch = pytest.importorskip("torch")
    from tests.vision3d.single_view import torch_forms as forms

    variables, got = run(VoxelTubes(5, ENCODER, hidden=6, features=4))
    p, maps, whole = encoded(variables, False)
    h = dense(p["spread"], whole)[:, :, None, None]
    for i, one in enumerate(maps[1:]):
        y = forms.conv(p[f"map{i}"], one)
        h = h + torch.nn.functional.interpolate(y, (5, 5), mode="bilinear")
    h = torch.relu(forms.conv(p["mix"], torch.relu(h)))
    want = forms.conv(p["tubes"], h).permute(0, 3, 2, 1)
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_points_are_those_of_torch():
    variables, got = run(PointSet(7, ENCODER, hidden=6))
    p, _, h = encoded(variables, True)
    np.testing.assert_allclose(got, dense(p["points"], h).reshape(2, 7, 3), atol=1e-5)
