"""Pooling layers against torch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv import Conv
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


def test_a_shift_moves_a_convolution_and_leaves_a_pool_alone():
    """Correlation of SciPy, then the maximum: a shift moves the map; within a window, not the max;
    by a whole window, it moves the pooled map by one."""
    signal = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(0)
    kernel, image = rng.uniform(size=(3, 3)).astype(np.float32), np.zeros((16, 16), np.float32)
    image[4, 4] = 1
    maps, pooled = [], []
    for shift in (0, 1, 4):
        x = np.roll(image, shift, axis=1)
        y = Conv(1, 3, padding=1, use_bias=False).apply(
            {"params": {"kernel": kernel[..., None, None]}}, x[None, ..., None]
        )
        np.testing.assert_allclose(y[0, ..., 0], signal.correlate2d(x, kernel, "same"), atol=1e-6)
        maps.append(np.asarray(y[0, ..., 0]))
        pooled.append(np.asarray(MaxPool(4).apply({}, y))[0, ..., 0])
    for shift, moved in zip((1, 4), maps[1:], strict=True):
        np.testing.assert_allclose(moved, np.roll(maps[0], shift, axis=1), atol=1e-6)
    np.testing.assert_allclose(pooled[2], np.roll(pooled[0], 1, axis=1), atol=1e-6)
    assert pooled[1].max() == pytest.approx(pooled[0].max())
    assert np.abs(pooled[1] - pooled[0]).sum() < np.abs(maps[1] - maps[0]).sum()
