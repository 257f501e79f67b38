"""t-SNE's perplexities, gradient and descent against scikit-learn's and SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn import manifold
from sklearn.datasets import load_digits
from sklearn.manifold import _t_sne

from jaxdl.classic.features.tsne import TSNE, conditional, divergence, gradient, joint, tsne


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)[0][:150].astype(np.float32)


@pytest.mark.parametrize("perplexity", [5.0, 30.0])
def test_every_row_has_the_perplexity(digits, perplexity):
    squares = squareform(pdist(digits, "sqeuclidean")).astype(np.float32)
    p = np.asarray(conditional(squares, perplexity), np.float64)
    np.testing.assert_array_equal(np.diag(p), 0)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    entropy = -np.sum(np.where(p > 0, p * np.log2(np.where(p > 0, p, 1)), 0), axis=1)
    np.testing.assert_allclose(2**entropy, perplexity, rtol=1e-3)


def test_joint_probabilities_are_scikit_learns(digits):
    squares = squareform(pdist(digits, "sqeuclidean")).astype(np.float32)
    want = squareform(_t_sne._joint_probabilities(squares, 20.0, 0))
    np.testing.assert_allclose(joint(digits, 20.0), want, atol=1e-5 * want.max())


def test_divergence_and_gradient_are_those_of_scikit_learn_and_of_differentiation(digits):
    p = np.array(joint(digits[:40], 10.0))
    np.fill_diagonal(p, 0)
    y = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    flat = y.ravel().astype(np.float64)
    value, slope = _t_sne._kl_divergence(flat, squareform(p, checks=False), 1.0, 40, 2)
    np.testing.assert_allclose(divergence(p, y), value, rtol=1e-4)
    np.testing.assert_allclose(gradient(p, y).ravel(), slope, rtol=1e-3, atol=1e-6)
    with jax.enable_x64(True):
        p, y = jnp.asarray(p, jnp.float64), jnp.asarray(y, jnp.float64)
        p = p / jnp.sum(p)  # the formula is the gradient where P sums to 1
        np.testing.assert_allclose(gradient(p, y), jax.grad(divergence, argnums=1)(p, y), atol=1e-7)


@pytest.mark.parametrize(("rate", "steps"), [(0.03, 250), (1.0, 300)])
def test_the_descent_is_scikit_learns(digits, rate, steps):
    x = digits[:60]  # at a low rate rounding has no time to grow
    theirs = manifold.TSNE(
        perplexity=5, learning_rate=rate, method="exact", init="pca", max_iter=steps
    ).fit(x)
    ours, kl = tsne(x, perplexity=5.0, rate=rate, steps=steps)
    ours = np.asarray(ours)
    ours = ours * np.sign(np.sum(ours * theirs.embedding_, axis=0))
    np.testing.assert_allclose(ours, theirs.embedding_, atol=0.02 * np.abs(ours).max())
    if steps > 250:  # it reports no divergence for the first 250 alone
        np.testing.assert_allclose(kl, theirs.kl_divergence_, rtol=0.03)


def test_maps_are_no_worse_than_scikit_learns():
    x = load_digits(return_X_y=True)[0].astype(np.float32)
    ours, theirs = [], []
    for start in (0, 400, 800):  # one map alone is a matter of chance
        part = x[start : start + 150]
        exact = manifold.TSNE(
            perplexity=15, learning_rate=10, method="exact", init="pca", max_iter=500
        )
        theirs.append(exact.fit(part).kl_divergence_)
        ours.append(float(tsne(part, perplexity=15.0, rate=10.0, steps=500)[1]))
    assert np.mean(ours) <= np.mean(theirs) * 1.03


def test_every_option_reaches_the_descent(digits):
    base = {"perplexity": 10.0, "exaggeration": 4.0, "early": 10, "steps": 20, "rate": 30.0}
    maps = [tsne(digits[:40], **base)[0]]
    for name, other in [("perplexity", 5.0), ("exaggeration", 8.0), ("early", 5), ("rate", 60.0)]:
        maps.append(tsne(digits[:40], **{**base, name: other})[0])
        assert not np.allclose(maps[0], maps[-1]), name
    assert tsne(digits[:40], dims=3, **base)[0].shape == (40, 3)


def test_estimator_and_error(digits):
    model = TSNE(perplexity=5.0, steps=30)
    assert model.fit_transform(digits[:30]).shape == (30, 2)
    assert model.divergence_ > 0
    with pytest.raises(ValueError, match=r"perplexity must lie in \(1, 20\).*got 30"):
        TSNE().fit(digits[:20])
