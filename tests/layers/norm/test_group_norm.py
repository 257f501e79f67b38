"""Layer, instance, group and RMS normalization against torch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.norm.group_norm import Affine, GroupNorm, RMSNorm
from jaxdl.layers.norm.registry import NORMS, norm_layer

X = np.random.default_rng(0).normal(3, 2, size=(4, 5, 3, 6)).astype(np.float32)
SCALE = np.linspace(0.5, 2, 6).astype(np.float32)
BIAS = np.linspace(-1, 1, 6).astype(np.float32)


def value_and_slopes(layer, names):
    params = {"scale": jnp.asarray(SCALE), "bias": jnp.asarray(BIAS)}

    def loss(x, params):
        y = layer.apply({"params": params}, x)
        return jnp.sum(y**3), y

    kept = {k: v for k, v in params.items() if k in names}
    slopes, y = jax.grad(loss, (0, 1), has_aux=True)(jnp.asarray(X), kept)
    return y, slopes


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize(("groups", "theirs"), [(1, 1), (2, 2), (3, 3), (0, 6)])
def test_group_norm_is_torchs(groups, theirs, eps):
    torch = pytest.importorskip("torch")
    t = torch.tensor(X.transpose(0, 3, 1, 2), requires_grad=True)
    scale, bias = (torch.tensor(v, requires_grad=True) for v in (SCALE, BIAS))
    if groups:
        want = torch.nn.functional.group_norm(t, theirs, scale, bias, eps)
    else:
        want = torch.nn.functional.instance_norm(t, weight=scale, bias=bias, eps=eps)
    (want**3).sum().backward()
    y, (dx, dp) = value_and_slopes(GroupNorm(groups=groups, eps=eps), ("scale", "bias"))
    np.testing.assert_allclose(y, want.detach().numpy().transpose(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(dx, t.grad.numpy().transpose(0, 2, 3, 1), atol=2e-4)
    np.testing.assert_allclose(dp["scale"], scale.grad, rtol=1e-4)
    np.testing.assert_allclose(dp["bias"], bias.grad, rtol=1e-4)


@pytest.mark.parametrize("eps", [1e-6, 0.1])
def test_rms_norm_is_torchs(eps):
    torch = pytest.importorskip("torch")
    t, scale = (torch.tensor(v, requires_grad=True) for v in (X, SCALE))
    want = torch.nn.functional.rms_norm(t, (6,), scale, eps)
    (want**3).sum().backward()
    y, (dx, dp) = value_and_slopes(RMSNorm(eps=eps), ("scale",))
    np.testing.assert_allclose(y, want.detach(), atol=1e-5)
    np.testing.assert_allclose(dx, t.grad, atol=1e-4)
    np.testing.assert_allclose(dp["scale"], scale.grad, rtol=1e-4)


def test_one_group_of_a_vector_is_layer_norm():
    torch = pytest.importorskip("torch")
    x = X[:, 0, 0]
    want = torch.nn.functional.layer_norm(torch.tensor(x), (6,))
    y = norm_layer("layer")(train=True).init_with_output(jax.random.key(0), jnp.asarray(x))[0]
    np.testing.assert_allclose(y, want, atol=1e-5)


def test_affine_is_scale_and_bias():
    y, _ = value_and_slopes(Affine(), ("scale", "bias"))
    np.testing.assert_allclose(y, X * SCALE + BIAS, rtol=1e-6)


@pytest.mark.parametrize("name", NORMS)
def test_every_named_norm_can_start_at_zero_and_keeps_bfloat16(name):
    layer = norm_layer(name)(train=False, scale_init=jax.nn.initializers.zeros)
    if name == "group":
        layer = partial(norm_layer(name), groups=2)(scale_init=jax.nn.initializers.zeros)
    x = jnp.asarray(X, jnp.bfloat16)
    y, variables = layer.init_with_output(jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16
    assert not np.any(np.asarray(y, np.float32))
    assert variables["params"]["scale"].dtype == jnp.float32


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"4 groups must divide the channels of \(4, 5, 3, 6\)"):
        GroupNorm(groups=4).init(jax.random.key(0), X)
    with pytest.raises(ValueError, match="norm: there is no 'bathc'; did you mean batch"):
        norm_layer("bathc")
