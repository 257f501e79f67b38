"""Fractional pooling against torch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.pool import FractionalMaxPool
from jaxdl.ops.fractional_pool import fractional_max_pool


@pytest.mark.parametrize(("window", "size"), [(2, (6, 5)), (3, (4, 7))])
def test_values_and_slopes_are_torchs(window, size):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 10, 9, 2)).astype(np.float32)
    u = rng.uniform(size=(3, 2)).astype(np.float32)
    t = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    # torch: (B, C, 2), the column's sample first
    samples = torch.tensor(np.repeat(u[:, None, ::-1], 2, axis=1).copy())
    want = torch.nn.functional.fractional_max_pool2d(t, window, size, _random_samples=samples)
    (want**2).sum().backward()

    def total(x):
        y = fractional_max_pool(x, jnp.asarray(u), window=window, size=size)
        return jnp.sum(y**2), y

    slope, y = jax.grad(total, has_aux=True)(jnp.asarray(x))
    np.testing.assert_allclose(y, want.detach().numpy().transpose(0, 2, 3, 1), atol=1e-6)
    np.testing.assert_allclose(slope, t.grad.numpy().transpose(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("ratio", [1.5, 1.25])
def test_the_layer_draws_places_in_training_only(ratio):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 12, 12, 1)), jnp.float32)

    def apply(seed, deterministic):
        rngs = {"dropout": jax.random.key(seed)}
        return FractionalMaxPool(ratio, deterministic).apply({}, x, rngs=rngs)

    assert apply(0, False).shape == (2, int(12 / ratio), int(12 / ratio), 1)
    assert not np.array_equal(apply(0, False), apply(1, False))
    np.testing.assert_array_equal(apply(0, True), apply(1, True))


def test_a_size_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"size must lie in 2..3 and 2..3.*got \(4, 2\)"):
        fractional_max_pool(jnp.ones((1, 4, 4, 1)), jnp.zeros((1, 2)), size=(4, 2))
