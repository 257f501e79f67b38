"""The perceptron against scikit-learn's, mistake by mistake, and Novikoff's bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import linear_model
from sklearn.datasets import make_blobs

from jaxdl.classic.perceptron import Perceptron, perceptron, perceptron_loss, update_bound


def separable(seed, count=100):
    """Points at least 0.3 from the line x + 2y = 1, and their sides of it."""
    points = np.random.default_rng(seed).uniform(-2, 2, (4 * count, 2)).astype(np.float32)
    score = (points @ np.array([1, 2], np.float32) - 1) / np.sqrt(5)
    far = np.flatnonzero(np.abs(score) > 0.3)[:count]
    return points[far], np.sign(score[far])


def test_it_is_scikit_learns_with_the_same_mistakes_in_the_same_order():
    x, y = make_blobs(150, 2, centers=[[0, 0], [4, 4]], random_state=1)  # pyright: ignore
    theirs = linear_model.Perceptron(shuffle=False, tol=None, alpha=0).fit(x, y)
    ours = Perceptron().fit(x, y)
    np.testing.assert_allclose(ours.boundary_.weight, np.ravel(theirs.coef_), rtol=1e-4)
    np.testing.assert_allclose(ours.boundary_.bias, np.ravel(theirs.intercept_)[0])
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))


@pytest.mark.parametrize("seed", range(5))
def test_the_number_of_updates_keeps_the_bound(seed):
    points, signs = separable(seed)
    found = perceptron(jnp.asarray(points), jnp.asarray(signs))
    assert bool(found.separated)
    truth = np.array([1, 2, -1]) / np.sqrt(6)  # w and b with |w|^2 + b^2 = 1
    margin = np.min(signs * (points @ truth[:2] + truth[2]))
    radius = np.max(np.linalg.norm(points, axis=1))
    assert 1 <= int(found.updates) <= update_bound(radius, margin)


def test_the_bound_is_the_formula():
    assert update_bound(2.0, 0.5) == 20.0
    with pytest.raises(ValueError, match="margin must be > 0, got 0"):
        update_bound(1.0, 0)


@pytest.mark.parametrize("max_passes", [3, 50])
def test_xor_is_never_separated(max_passes):
    points = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found = perceptron(points, jnp.array([-1, 1, 1, -1]), max_passes)
    assert not bool(found.separated)
    assert int(found.passes) == max_passes


def test_its_loss_has_the_update_as_gradient():
    x, w = jnp.array([2.0, -1.0]), jnp.array([1.0, 3.0])
    slope = jax.grad(lambda w: perceptron_loss(w @ x, jnp.float32(1)))(w)  # score -1: wrong
    np.testing.assert_array_equal(slope, -x)
    assert float(perceptron_loss(jnp.float32(-1.0), jnp.float32(1.0))) == 1
    assert float(perceptron_loss(jnp.float32(-1.0), jnp.float32(-1.0))) == 0


def test_three_labels_are_refused():
    with pytest.raises(ValueError, match="Perceptron: y must have two labels, got 3"):
        Perceptron().fit(np.ones((3, 2)), [0, 1, 2])
