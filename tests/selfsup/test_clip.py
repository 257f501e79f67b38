"""CLIP's vectors: padding tells nothing, heads are linear; torch judges the rest (see interop)."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.selfsup.clip import CLIP, TextEncoder

IDS = np.array([[1, 5, 6, 2, 0, 0, 0], [1, 4, 2, 0, 0, 0, 0]], np.int32)


class Flat(nn.Module):
    """Pixels as they are."""

    @nn.compact
    def __call__(self, x, *, train):
        return x.reshape(len(x), -1)


@pytest.mark.parametrize("options", [{}, {"word_width": 3, "depth": 2}])
def test_padding_tells_a_text_nothing(options):
    encoder = TextEncoder(9, 7, width=8, heads=2, hidden=8, **options)
    variables = jax.jit(partial(encoder.init, train=False))(jax.random.key(0), IDS)
    read = jax.jit(partial(encoder.apply, train=False))
    whole: Any = read(variables, IDS)
    assert whole.shape == (2, 8)
    np.testing.assert_allclose(read(variables, IDS[:, :4]), whole, atol=1e-6)
    other = read(variables, IDS[:, [0, 2, 1, 3, 4, 5, 6]])
    assert np.abs(other - whole).max() > 1e-3  # but the order of words does


def test_without_blocks_a_text_is_the_mean_of_its_words():
    encoder = TextEncoder(9, 7, width=3, depth=0)
    variables = encoder.init(jax.random.key(0), IDS, train=False)
    words = jax.tree.map(lambda x: np.asarray(x, np.float64), variables["params"]["words"])
    table, places = words["embed"]["table"] * np.sqrt(3), words["positions_table"]
    want = [(table[row[:n]] + places[:n]).mean(axis=0) for row, n in zip(IDS, (4, 3), strict=True)]
    np.testing.assert_allclose(encoder.apply(variables, IDS, train=False), want, atol=1e-5)


def test_both_vectors_are_unit_and_the_scale_starts_at_one_over_a_temperature_of_007():
    model = CLIP(Flat(), TextEncoder(9, 7, width=8, heads=2, hidden=8), dim=5)
    image = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 1)), jnp.float32)
    variables = model.init(jax.random.key(0), (image, IDS), train=False)
    out: Any = model.apply(variables, (image, IDS), train=False)
    seen, read, log_scale = out
    kernel = np.asarray(variables["params"]["image_head"]["kernel"], np.float64)
    want = np.asarray(image, np.float64).reshape(2, -1) @ kernel
    want /= np.linalg.norm(want, axis=1, keepdims=True)
    np.testing.assert_allclose(seen, want, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(read, axis=1), 1, atol=1e-5)
    assert float(log_scale) == pytest.approx(np.log(1 / 0.07))
