"""Max pooling with places and unpooling against torch; a bed of nails by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.upsampling.unpool import bed_of_nails, max_pool_with_places, max_unpool

X = np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype(np.float32)
X[0, :4, :4] = np.round(X[0, :4, :4])  # equal values: the first counts


def channels_first(x):
    return np.asarray(x).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("window", [2, 3])
def test_values_insideand_the_way_back_are_torchs(window):
    torch = pytest.importorskip("torch")
    x = torch.tensor(channels_first(X), requires_grad=True)
    values, indices = torch.nn.functional.max_pool2d(x, window, return_indices=True)
    pooled, places = max_pool_with_places(jnp.asarray(X), window=window)
    np.testing.assert_array_equal(channels_first(pooled), values.detach())
    inside = np.asarray(places)
    row, column = (np.arange(n)[:, None] * window for n in pooled.shape[1:3])
    flat = (row[:, None] + inside // window) * X.shape[2] + column + inside % window
    np.testing.assert_array_equal(channels_first(flat), indices)
    size = [n * window for n in pooled.shape[1:3]]
    inner = (indices // X.shape[2]) * size[1] + indices % X.shape[2]
    want = torch.nn.functional.max_unpool2d(values, inner, window, output_size=size)
    np.testing.assert_array_equal(
        channels_first(max_unpool(pooled, places, window=window)), want.detach()
    )
    weights = np.random.default_rng(1).normal(size=want.shape).astype(np.float32)
    (want * torch.tensor(weights)).sum().backward()

    def loss(x):
        pooled, places = max_pool_with_places(x, window=window)
        back = max_unpool(pooled, places, window=window)
        return (back * jnp.asarray(weights.transpose(0, 2, 3, 1))).sum()

    grad = jax.jit(jax.grad(loss))(jnp.asarray(X))
    np.testing.assert_allclose(channels_first(grad), x.grad, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3])
def test_a_bed_of_nails_has_zeros_between(factor):
    got = bed_of_nails(jnp.asarray(X), factor=factor)
    want = np.zeros((2, 7 * factor, 9 * factor, 3), np.float32)
    want[:, ::factor, ::factor] = X
    np.testing.assert_array_equal(got, want)
