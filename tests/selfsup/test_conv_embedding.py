"""The embedding of few-shot papers against the same layers in torch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.selfsup.conv_embedding import ConvEmbedding


@pytest.mark.parametrize("features", [(4, 6, 8, 8), (5, 3)])
def test_it_is_torchs_blocks(features):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).random((3, 15, 15, 2)).astype(np.float32)
    model = ConvEmbedding(features)
    variables = jax.jit(partial(model.init, train=False))(jax.random.key(0), x)
    out = torch.tensor(x).permute(0, 3, 1, 2)
    for i in range(len(features)):
        weight = np.array(variables["params"][f"block{i + 1}"]["conv"]["kernel"])
        kernel = torch.tensor(weight).permute(3, 2, 0, 1)
        out = torch.nn.functional.conv2d(out, kernel, padding=1)
        zero, one = torch.zeros(features[i]), torch.ones(features[i])
        out = torch.nn.functional.batch_norm(out, zero, one).relu()
        out = torch.nn.functional.max_pool2d(out, 2) if out.shape[2] > 1 else out
    got = jax.jit(partial(model.apply, train=False))(variables, x)
    want = out.permute(0, 2, 3, 1).flatten(1)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="ConvEmbedding: x must have 4 axes"):
        model.apply(variables, jnp.ones((3, 15, 15)), train=False)
