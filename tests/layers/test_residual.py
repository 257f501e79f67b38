"""Where norms stand in a residual net: torch's encoder layers, and DeepNorm by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.residual import deepnorm_gain, residual
from jaxdl.models.transformers.vit import EncoderBlock

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)


@pytest.mark.parametrize("wiring", ["pre", "post"])
def test_an_encoder_block_is_torchs(wiring):
    torch = pytest.importorskip("torch")
    twin = torch.nn.TransformerEncoderLayer(
        8, 2, 12, 0.0, "gelu", 1e-6, batch_first=True, norm_first=wiring == "pre"
    )
    block = EncoderBlock(2, 12, wiring=wiring)
    names = {
        "attention/qkv": ("self_attn.in_proj_weight", "self_attn.in_proj_bias"),
        "attention/out": ("self_attn.out_proj.weight", "self_attn.out_proj.bias"),
        "fc1": ("linear1.weight", "linear1.bias"),
        "fc2": ("linear2.weight", "linear2.bias"),
        "norm1": ("norm1.weight", "norm1.bias"),
        "norm2": ("norm2.weight", "norm2.bias"),
    }
    rng = np.random.default_rng(1)
    state = {k: torch.tensor(rng.normal(size=v.shape), dtype=v.dtype) / 2
             for k, v in twin.state_dict().items()}  # fmt: skip
    twin.load_state_dict(state)
    params = {"attention": {}}
    for path, (weight, bias) in names.items():
        weight, bias = jnp.asarray(state[weight].numpy().T), jnp.asarray(state[bias].numpy())
        entry = {"scale" if "norm" in path else "kernel": weight, "bias": bias}
        *outer, last = path.split("/")
        (params["attention"] if outer else params)[last] = entry
    with torch.no_grad():
        want = twin.train()(torch.tensor(X)).numpy()  # eval takes a fused path
    got = jax.jit(lambda p, x: block.apply({"params": p}, x, train=False))(params, X)
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("depth", [1, 12])
def test_deepnorm_scales_the_input_and_the_first_weights(depth):
    x = X.astype(np.float64)

    def norm(y):
        return (y - y.mean(-1, keepdims=True)) / y.std(-1, keepdims=True)

    got = residual("deepnorm", x, np.tanh, norm, depth=depth)
    np.testing.assert_allclose(got, norm((2 * depth) ** 0.25 * x + np.tanh(x)))
    assert deepnorm_gain("deepnorm", depth) == pytest.approx((8 * depth) ** -0.25)
    starts = [
        EncoderBlock(2, 12, wiring=wiring, depth=depth).init(jax.random.key(0), X, train=False)
        for wiring in ("post", "deepnorm")
    ]
    plain, deep = (start["params"] for start in starts)
    gain = deepnorm_gain("deepnorm", depth)
    for path in (("attention", "out"), ("fc1",), ("fc2",)):
        a, b = plain, deep
        for name in path:
            a, b = a[name], b[name]
        np.testing.assert_allclose(b["kernel"], gain * a["kernel"], rtol=1e-6)
    a, b = (p["attention"]["qkv"]["kernel"] for p in (plain, deep))
    np.testing.assert_allclose(b[:, :16], a[:, :16])  # queries and keys as they are
    np.testing.assert_allclose(b[:, 16:], gain * a[:, 16:], rtol=1e-6)


def test_an_unknown_wiring_is_refused():
    with pytest.raises(ValueError, match="wiring must be one of pre, post, deepnorm, got 'mid'"):
        residual("mid", X, np.tanh, np.tanh)
