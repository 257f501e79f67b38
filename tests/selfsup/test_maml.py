"""The gradient through inner steps against finite differences in float64; updates against loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.selfsup.maml import adapt

DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=(2, 6, 3)), DRAW.integers(0, 2, (2, 6))  # support and queries of a task
START = {"first": DRAW.normal(size=(3, 4)), "second": DRAW.normal(size=(4, 2))}


def loss(params, x, y):
    return softmax_cross_entropy(jnp.tanh(x @ params["first"]) @ params["second"], y).mean()


def by_hand(params, rate, steps):
    """The loss of the queries after inner steps whose gradients are written out, in NumPy."""
    w, v = params["first"], params["second"]
    for _ in range(steps):
        h = np.tanh(X[0] @ w)
        p = np.exp(h @ v)
        p /= p.sum(axis=1, keepdims=True)
        d = (p - np.eye(2)[Y[0]]) / len(p)
        w, v = w - rate * X[0].T @ ((d @ v.T) * (1 - h**2)), v - rate * h.T @ d
    scores = np.tanh(X[1] @ w) @ v
    return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(6), Y[1]])


def after(params, rate, steps, *, first_order=False):
    new = adapt(loss, params, X[0], Y[0], rate=rate, steps=steps, first_order=first_order)
    return loss(new, X[1], Y[1])


@pytest.mark.parametrize(("rate", "steps"), [(0.4, 1), (0.7, 3)])
def test_the_gradient_is_that_of_differences_through_the_inner_steps(rate, steps):
    with jax.enable_x64(True):
        value, grads = jax.value_and_grad(after)(START, rate, steps)
        plain = jax.grad(after)(START, rate, steps, first_order=True)
    assert float(value) == pytest.approx(by_hand(START, rate, steps), rel=1e-10)
    for name, array in START.items():
        want = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            pair = []
            for step in (1e-5, -1e-5):
                moved = {k: v.copy() for k, v in START.items()}
                moved[name][place] += step
                pair.append(by_hand(moved, rate, steps))
            want[place] = (pair[0] - pair[1]) / 2e-5
        np.testing.assert_allclose(grads[name], want, atol=1e-8)
        assert np.abs(np.asarray(plain[name]) - want).max() > 1e-3  # the curvature left out


def test_first_order_is_the_gradient_at_the_adapted_weights():
    with jax.enable_x64(True):
        adapted = adapt(loss, START, X[0], Y[0], rate=0.5, steps=2)
        want = jax.grad(loss)(adapted, X[1], Y[1])
        got = jax.grad(after)(START, 0.5, 2, first_order=True)
    for name in START:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-10)


def test_no_steps_and_no_rate_are_refused():
    for options in ({"rate": 0.0, "steps": 1}, {"rate": 0.1, "steps": 0}):
        with pytest.raises(ValueError, match="adapt: (rate|steps)"):
            adapt(loss, START, X[0], Y[0], **options)
