"""A decoder of two given maps against the same layers in torch."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.segmentation.stage_decoder import StageDecoder

torch = pytest.importorskip("torch")
functional = torch.nn.functional
RNG = np.random.default_rng(0)


class TwoMaps(nn.Module):
    """Every second pixel, and every fourth, with more channels."""

    @nn.compact
    def __call__(self, x, *, train, stages):
        return {"half": x[:, ::2, ::2], "quarter": jnp.tile(x[:, ::4, ::4], 2)}


def conv_norm(x, parts, stats, relu):
    kernel, norm = parts["conv"]["kernel"], parts["norm"]
    pad = kernel.shape[0] // 2
    x = functional.conv2d(x, torch.tensor(kernel.transpose(3, 2, 0, 1)), padding=pad)
    given = (stats["norm"]["mean"], stats["norm"]["var"], norm["scale"], norm["bias"])
    x = functional.batch_norm(x, *(torch.tensor(v) for v in given))
    return torch.relu(x) if relu else x


def test_the_decoder_is_the_same_layers_in_torch():
    model, x = StageDecoder(TwoMaps(), 3, ("half", "quarter"), features=5), np.zeros((2, 13, 18, 3))
    x = RNG.normal(size=x.shape).astype(np.float32)
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = jax.tree.map(lambda v: 0.5 * RNG.normal(size=v.shape).astype(np.float32), start)
    stats = jax.tree.map(lambda v: np.abs(v) + 0.5, variables["batch_stats"])
    whole = {"params": variables["params"], "batch_stats": stats}
    got = jax.jit(lambda v: model.apply(v, x, train=False))(whole)
    p, picture = variables["params"], torch.tensor(x.transpose(0, 3, 1, 2))
    maps = {1: picture[:, :, ::2, ::2], 2: picture[:, :, ::4, ::4].repeat(1, 2, 1, 1)}
    above = None
    for i in (2, 1):
        y = conv_norm(maps[i], p[f"lateral{i}"], stats[f"lateral{i}"], False)
        if above is not None:
            y = y + functional.interpolate(above, y.shape[2:], mode="bilinear")
        above = conv_norm(y, p[f"smooth{i}"], stats[f"smooth{i}"], True)
    kernel, bias = p["out"]["kernel"], p["out"]["bias"]
    out = functional.conv2d(above, torch.tensor(kernel.transpose(3, 2, 0, 1)), torch.tensor(bias))
    want = functional.interpolate(out, (13, 18), mode="bilinear").numpy()
    np.testing.assert_allclose(got, want.transpose(0, 2, 3, 1), atol=2e-5)


def test_a_stage_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"head\.stages: the model has half, quarter, not stage2"):
        StageDecoder(TwoMaps(), 3, ("half", "stage2")).init(
            jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False
        )
