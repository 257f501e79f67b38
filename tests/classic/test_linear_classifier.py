"""Linear classifiers against scikit-learn's optimum and the formulas in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial
from sklearn import linear_model
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

from jaxdl.classic.gradient_check import gradient_error
from jaxdl.classic.gradient_descent import gradient_descent
from jaxdl.classic.linear_classifier import (
    Linear,
    LinearClassifier,
    class_scores,
    init_linear,
    objective,
    with_ones,
)
from jaxdl.classic.two_layer import TwoLayerNet, init_two_layer, two_layer_objective


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int32)


def test_softmax_ends_where_scikit_learns_logistic_regression_does(digits):
    x, y = digits[0][:200], digits[1][:200]
    penalty_weight = 0.01
    theirs = linear_model.LogisticRegression(C=1 / (2 * penalty_weight * len(x)), tol=1e-8).fit(
        x, y
    )
    start = init_linear(jax.random.key(0), 64, 10)
    loss = Partial(objective("softmax", "l2"), penalty_weight)
    params, _ = gradient_descent(loss, start, x, y, rate=0.5, steps=2000, momentum=0.9)
    np.testing.assert_allclose(params.weight.T, theirs.coef_, atol=2e-3)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", ["softmax", "svm", "squares"])
def test_objective_is_the_formula_in_loops(loss, penalty):
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)
    y = np.array([0, 3, 1, 1, 2])
    total = 0.0
    for row, label in zip(x @ w + b, y, strict=True):
        if loss == "svm":
            total += sum(max(0, s - row[label] + 1) for j, s in enumerate(row) if j != label)
        elif loss == "squares":
            total += sum((s - (j == label)) ** 2 for j, s in enumerate(row))
        else:
            total += np.log(np.exp(row).sum()) - row[label]
    want = total / 5 + 0.3 * (np.sum(w**2) if penalty == "l2" else np.sum(np.abs(w)))
    value = objective(loss, penalty)
    np.testing.assert_allclose(value(0.3, Linear(w, b), x, y), want, rtol=1e-5)
    assert gradient_error(lambda p: value(0.3, p, x, y), Linear(w, b)) < 1e-6


def test_random_scores_cost_log_c_and_c_minus_1(digits):
    x, y = digits
    params = init_linear(jax.random.key(0), 64, 10, std=1e-3)
    np.testing.assert_allclose(objective("softmax")(0.0, params, x, y), np.log(10), atol=0.01)
    np.testing.assert_allclose(objective("svm")(0.0, params, x, y), 9, atol=0.05)


def test_a_zero_svm_loss_stays_zero_for_larger_weights():
    scores = np.array([[3.0, 1.0], [0.0, 2.0]])
    value = objective("svm")
    for n in (1.0, 2.0, 10.0):
        params = Linear(jnp.asarray(n * scores.T @ np.eye(2)), jnp.zeros(2))
        assert float(value(0.0, params, np.eye(2), np.array([0, 1]))) == 0


def test_l2_prefers_spread_weights_and_l1_does_not():
    one, spread = np.array([[1.0], [0], [0], [0]]), np.full((4, 1), 0.25)
    x, y = np.ones((1, 4)), np.array([0])

    def penalty(kind, w):
        return float(objective("svm", kind)(1.0, Linear(w, np.zeros(1)), x, y))

    assert penalty("l2", one) == 1
    assert penalty("l2", spread) == 0.25
    assert penalty("l1", one) == penalty("l1", spread) == 1


def test_the_bias_trick_and_scaling():
    rng = np.random.default_rng(1)
    x, w, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
    merged = Linear(np.vstack([w, b]), np.zeros(2))
    want = class_scores(Linear(w, b), x)
    np.testing.assert_allclose(class_scores(merged, with_ones(x)), want, rtol=1e-5)
    plain = Linear(w, np.zeros(2))
    np.testing.assert_allclose(class_scores(plain, 3 * x), 3 * class_scores(plain, x), rtol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        LinearClassifier(rate=0.5),
        LinearClassifier(loss="svm", penalty="l1", penalty_weight=1e-4, rate=0.05),
        TwoLayerNet(hidden=32, std=0.1, penalty_weight=1e-4, rate=0.1),
    ],
    ids=["softmax", "svm", "two layers"],
)
def test_scikit_learns_tools_accept_them(digits, model):
    x, y = digits[0][:900], digits[1][:900]
    names = np.array([f"digit {i}" for i in range(10)])
    assert cross_val_score(model, x, names[y], cv=3).mean() > 0.88


def test_strength_shrinks_the_weights(digits):
    x, y = digits[0][:300], digits[1][:300]
    weak, strong = (LinearClassifier(penalty_weight=s).fit(x, y) for s in (0.0, 0.1))
    sizes = [np.linalg.norm(model.params_.weight) for model in (weak, strong)]
    assert sizes[1] < 0.7 * sizes[0]


def test_two_layer_objective_gradient():
    rng = np.random.default_rng(2)
    params = init_two_layer(jax.random.key(0), 4, 5, 3, std=1.0)
    x, y = rng.normal(size=(6, 4)), np.array([0, 1, 2, 2, 1, 0])
    for penalty_weight in (0.0, 0.5):
        assert gradient_error(lambda p: two_layer_objective(penalty_weight, p, x, y), params) < 1e-5  # noqa: B023


def test_a_hidden_layer_solves_xor_and_a_line_does_not():
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    net = TwoLayerNet(hidden=8, std=1.0, penalty_weight=0.0, rate=0.1, epochs=500)
    assert net.fit(x, y).score(x, y) == 1
    assert LinearClassifier(epochs=500).fit(x, y).score(x, y) <= 0.75


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="loss must be one of softmax, svm, squares, got 'hinge'"):
        objective("hinge")
    with pytest.raises(ValueError, match="penalty must be one of l2, l1, got 'l3'"):
        objective("svm", "l3")
