"""The voxel classifier against PyTorch's convolutions with the same weights."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.vision3d.voxel_net import VoxelNet, voxels_as_input


def test_logits_are_those_of_torch():
    torch = pytest.importorskip("torch")
    voxels = np.random.default_rng(0).random((2, 6, 6, 6)) < 0.5
    x = voxels_as_input(jnp.asarray(voxels))
    net = VoxelNet(3, features=(2, 4), hidden=5)
    variables = jax.jit(partial(net.init, train=False))(jax.random.key(1), x)
    got = net.apply(variables, x, train=False)
    params = jax.tree.map(lambda v: torch.tensor(np.asarray(v)), variables["params"])
    h = torch.tensor(np.where(voxels, 1.0, -1.0), dtype=torch.float32)[:, None]
    for name, pad in (("conv0", 2), ("conv1", 1)):
        kernel = params[name]["kernel"].permute(4, 3, 0, 1, 2)
        h = torch.nn.functional.conv3d(h, kernel, stride=2, padding=pad) / (1 + 1e-5) ** 0.5
        h = torch.relu(h)
    h = h.permute(0, 2, 3, 4, 1).reshape(2, -1)
    h = torch.relu(h @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    want = h @ params["logits"]["kernel"] + params["logits"]["bias"]
    np.testing.assert_allclose(got, want, atol=1e-5)
    with pytest.raises(ValueError, match="5 axes"):
        net.apply(variables, x[..., 0], train=False)
