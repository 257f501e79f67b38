"""Pooling layers against torch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.pool import AvgPool, MaxPool


@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": 1}, {"ceil_mode": True}])
def test_layers_are_torchs(options):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype(np.float32)
    t = torch.tensor(x.transpose(0, 3, 1, 2))
    pairs = [
        (MaxPool(3, **options), torch.nn.MaxPool2d(3, **options)),
        (AvgPool(3, **options), torch.nn.AvgPool2d(3, **options)),
        (
            AvgPool(3, count_include_pad=False, **options),
            torch.nn.AvgPool2d(3, count_include_pad=False, **options),
        ),
    ]
    for ours, twin in pairs:
        want = twin(t).numpy().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(ours.apply({}, x), want, atol=1e-6)


def test_they_have_no_parameters():
    assert not MaxPool(2).init(jax.random.key(0), jnp.ones((1, 4, 4, 1)))
