"""Regression by descent against numbers worked by hand, optax and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn import linear_model
from sklearn.model_selection import cross_val_score

from jaxdl.classic.cost_surface import cost_surface
from jaxdl.classic.gradient_descent import batch_order, descend_batches, gradient_descent
from jaxdl.classic.regression import (
    Line,
    LinearRegression,
    LogisticRegression,
    log_cost,
    mean_squared_cost,
    polynomial_features,
    predict_line,
    square_penalty,
    squared_error,
    squared_logistic_cost,
    zero_line,
)
from jaxdl.models.mlp import MLP

X, Y = jnp.array([[1.0], [2.0], [3.0]]), jnp.array([2.0, 4.0, 6.0])
HOURS, PASSED = X, jnp.array([0.0, 0.0, 1.0])


def summed(line, x, y):
    return jnp.sum(squared_error(predict_line(line, x), y))


def slope_only(w, x, y):
    return jnp.mean(squared_error(x[:, 0] * w, y))


def test_mse_over_five_slopes():
    costs = [mean_squared_cost(Line(jnp.array([float(w)]), jnp.float32(0)), X, Y) for w in range(5)]
    np.testing.assert_allclose(costs, [56 / 3, 14 / 3, 0, 14 / 3, 56 / 3], rtol=1e-6)


def test_half_squared_price_error():
    np.testing.assert_allclose(squared_error(jnp.float32(190), jnp.float32(200)) / 2, 50)


@pytest.mark.parametrize(("steps", "want", "within"), [(100, 7.42, 0.005), (1000, 8.0, 2e-3)])
def test_descent_on_the_summed_loss(steps, want, within):
    start = Line(jnp.zeros(1), jnp.float32(1))
    line, history = gradient_descent(summed, start, X, Y, rate=0.01, steps=steps)
    assert abs(float(predict_line(line, jnp.array([[4.0]]))[0]) - want) < within
    assert history.shape == (steps,)
    assert float(history[0]) == float(summed(start, X, Y))


def test_batch_and_one_row_descent_of_one_slope():
    w, _ = gradient_descent(slope_only, jnp.float32(1), X, Y, rate=0.01, steps=100)
    np.testing.assert_allclose(w, 1.999944, atol=1e-6)
    np.testing.assert_allclose(4 * w, 7.999778, atol=2e-6)
    order = jnp.tile(jnp.arange(3)[:, None], (100, 1))
    w, _ = descend_batches(slope_only, jnp.float32(1), order, X, Y, rate=0.01)
    np.testing.assert_allclose(4 * w, 8, atol=2e-6)  # 8 - 3e-13, to float32


def test_descent_of_a_parabola_and_into_the_nearer_of_two_valleys():
    x, _ = gradient_descent(lambda x: (x - 1) ** 2 + 1, jnp.float32(5), rate=0.1, steps=200)
    np.testing.assert_allclose(x, 1, atol=1e-5)

    def two(x):
        return (x**2 - 1) ** 2 + 0.3 * x  # valleys near -1.04 (the lower) and 0.96

    ends = [
        float(gradient_descent(two, jnp.float32(s), rate=0.05, steps=300)[0])
        for s in (-2, -0.5, 0.5)
    ]
    assert ends[0] < -1
    assert ends[1] < -1
    assert ends[2] > 0.9
    assert min(two(x) for x in ends) == min(two(ends[0]), two(ends[1]))


def test_descent_is_optaxs_sgd():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)).astype(np.float32), rng.normal(size=20).astype(np.float32)
    rates = jnp.linspace(0.1, 0.01, 30)
    ours, _ = gradient_descent(
        mean_squared_cost, zero_line(3), x, y, rate=rates, steps=30, momentum=0.8
    )
    tx = optax.sgd(lambda i: rates[i], momentum=0.8)
    line, state = zero_line(3), tx.init(zero_line(3))
    for _ in range(30):
        updates, state = tx.update(jax.grad(mean_squared_cost)(line, x, y), state)
        line = optax.apply_updates(line, updates)
    np.testing.assert_allclose(ours.weight, line.weight, rtol=1e-4)


def test_an_epoch_is_every_row_once_without_a_partial_batch():
    order = np.asarray(batch_order(jax.random.key(0), 10, 3, 2))
    assert order.shape == (6, 3)
    assert len(set(order[:3].ravel())) == len(set(order[3:].ravel())) == 9
    assert len(batch_order(jax.random.key(0), 10000, 1000, 1)) == 10
    with pytest.raises(ValueError, match=r"batch_size must lie in \[1, 10\], got 11"):
        batch_order(jax.random.key(0), 10, 11, 1)


def test_the_flax_model_learns_the_same_line():
    model = MLP(num_classes=1, hidden=())
    params = model.init(jax.random.key(0), X, train=False)

    def cost(params, x, y):
        return jnp.mean(squared_error(model.apply(params, x, train=True)[:, 0], y))

    params, _ = gradient_descent(cost, params, X, Y, rate=0.1, steps=500)
    np.testing.assert_allclose(
        model.apply(params, jnp.array([[4.0]]), train=False), [[8]], atol=1e-2
    )


def test_linear_regression_is_scikit_learns():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3))
    y = x @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=60)
    ours, theirs = LinearRegression(rate=0.1), linear_model.LinearRegression()
    np.testing.assert_allclose(ours.fit(x, y).line_.weight, theirs.fit(x, y).coef_, atol=1e-4)
    np.testing.assert_allclose(ours.score(x, y), theirs.score(x, y), atol=1e-5)
    np.testing.assert_allclose(
        cross_val_score(ours, x, y, cv=3), cross_val_score(theirs, x, y, cv=3), atol=1e-3
    )


@pytest.mark.parametrize("count", [4, 20])
def test_polynomial_features(count):
    x = np.array([-2.0, 0.0, 0.5])
    want = [[v**i / float(np.prod(range(1, i + 1))) for i in range(count)] for v in x]
    np.testing.assert_allclose(polynomial_features(x, count=count), want, rtol=1e-4)


def test_logistic_regression_of_hours():
    model = LogisticRegression().fit(HOURS, np.array(["fail", "fail", "pass"]))
    np.testing.assert_allclose(model.line_.weight, [1.19895], atol=2e-5)
    np.testing.assert_allclose(model.line_.bias, -2.89643, atol=2e-5)
    np.testing.assert_allclose(-model.line_.bias / model.line_.weight, [2.4158], atol=1e-4)
    np.testing.assert_allclose(model.predict_proba([[4.0]]), [[0.1302, 0.8698]], atol=1e-4)
    np.testing.assert_array_equal(model.predict([[1.0], [4.0]]), ["fail", "pass"])


def test_logistic_regression_is_scikit_learns():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 2))
    y = (x @ [2.0, -1.0] + 0.5 + rng.logistic(size=200) > 0).astype(int)
    theirs = linear_model.LogisticRegression(C=np.inf).fit(x, y)
    ours = LogisticRegression(rate=0.01, steps=3000).fit(x, y)
    np.testing.assert_allclose(ours.line_.weight, theirs.coef_[0], atol=1e-2)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=5e-3)


def test_the_log_cost_is_convex_and_the_squared_one_is_not():
    grid = jnp.linspace(-6, 6, 25)

    def lowest_curvature(cost):
        def at(w, b):
            hessian = jax.hessian(lambda p: cost(Line(p[:1], p[1]), HOURS, PASSED))
            return jnp.linalg.eigvalsh(hessian(jnp.stack([w, b])))[0]

        return float(jax.jit(lambda: jnp.min(cost_surface(at, grid, grid)))())

    assert lowest_curvature(log_cost) > -1e-5
    assert lowest_curvature(squared_logistic_cost) < -0.1


def test_cost_surface_is_the_cost_at_every_pair():
    got = cost_surface(lambda a, b: a + 10 * b, jnp.arange(3.0), jnp.arange(2.0))
    np.testing.assert_array_equal(got, [[0, 10], [1, 11], [2, 12]])
    with pytest.raises(ValueError, match="first must have 1 axes"):
        cost_surface(lambda a, b: a, jnp.ones((2, 2)), jnp.ones(2))


@pytest.mark.parametrize(
    ("strength", "whole", "want", "within"),
    [(0.0, False, 13.4, 0.7), (3.0, False, 0.365, 0.02), (3.0, True, 0.037, 0.01)],
)
def test_norm_of_200_weights_with_and_without_decay(strength, whole, want, within):
    """20 rows of 200 inputs; the penalty is strength sum w^2 / 2, or without the half."""

    def cost(line, x, y):
        penalty = strength * square_penalty(line.weight) * (2 if whole else 1)
        return jnp.mean(squared_error(predict_line(line, x), y)) / 2 + penalty

    def norm(key):
        draw, noise, start, shuffle = jax.random.split(key, 4)
        x = jax.random.normal(draw, (20, 200))
        y = 0.05 + 0.01 * jnp.sum(x, axis=1) + 0.01 * jax.random.normal(noise, (20,))
        line = Line(jax.random.normal(start, (200,)), jnp.float32(0))
        order = batch_order(shuffle, 20, 5, 100)
        return jnp.linalg.norm(descend_batches(cost, line, order, x, y, rate=0.003)[0].weight)

    norms = jax.vmap(norm)(jax.random.split(jax.random.key(0), 8))
    assert abs(float(jnp.mean(norms)) - want) < within
