"""Bins of colors against scikit-learn's neighbors and the paper's formulas in NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxdl.selfsup.pretext.color_bins import ColorBins

AB = np.random.default_rng(0).uniform(-40, 40, (50, 2)).astype(np.float32)


def test_a_color_is_its_five_nearest_bins_by_a_gaussian():
    bins = ColorBins()
    assert 250 < len(bins.centers) < 330  # the paper has 313 in its gamut
    assert (bins.centers % 10 == 0).all()
    distance, places = NearestNeighbors(n_neighbors=5).fit(bins.centers).kneighbors(AB)
    got = np.asarray(bins.encode(jnp.asarray(AB)))
    weights = np.exp(-(distance**2) / (2 * 5**2))
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.arange(len(AB))[:, None]
    np.testing.assert_allclose(got[rows, places], weights, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(got.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("uniform", [0.5, 0.9])
def test_rare_colors_count_more(uniform):
    bins = ColorBins(uniform=uniform)
    share = np.asarray(bins.encode(jnp.asarray(AB))).mean(axis=0)
    want = 1 / ((1 - uniform) * share + uniform / len(share))
    want /= np.sum(share * want)
    np.testing.assert_allclose(bins.class_weights(AB), want, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.38, 1.0])
def test_a_distribution_is_read_by_its_annealed_mean(temperature):
    bins = ColorBins(temperature=temperature)
    logits = np.random.default_rng(1).normal(size=(4, len(bins.centers)))
    p = np.exp(logits / temperature)
    want = p / p.sum(axis=1, keepdims=True) @ bins.centers
    np.testing.assert_allclose(bins.decode(jnp.asarray(logits, jnp.float32)), want, atol=1e-3)
