"""Channels as pixels against torch."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.upsampling.pixel_shuffle import pixel_shuffle


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle_is_torchs(factor):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 2 * factor**2)).astype(np.float32)
    want = torch.nn.PixelShuffle(factor)(torch.tensor(x.transpose(0, 3, 1, 2)))
    got = pixel_shuffle(jnp.asarray(x), factor=factor)
    np.testing.assert_array_equal(np.asarray(got).transpose(0, 3, 1, 2), want)


def test_channels_must_divide():
    with pytest.raises(ValueError, match=r"factor\^2 = 9, got 8"):
        pixel_shuffle(jnp.zeros((1, 2, 2, 8)), factor=3)
