"""Examples worked by hand in a course, with their numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxdl.classic.backprop.activation import relu, sigmoid
from jaxdl.classic.backprop.dropout import dropout
from jaxdl.classic.backprop.linear import linear
from jaxdl.classic.backprop.loss import softmax_loss, svm_loss
from jaxdl.classic.entropy import (
    binary_entropy,
    cross_entropy,
    entropy,
    kl_divergence,
    self_information,
)
from jaxdl.classic.gradient_descent import gradient_descent
from jaxdl.losses.classification import binary_cross_entropy, multi_label_cross_entropy
from jaxdl.models.mlp import MLP


def logit(p):
    p = jnp.asarray(p)
    return jnp.log(p) - jnp.log1p(-p)


def close(got, want, digits=4):
    np.testing.assert_allclose(got, want, atol=0.51 * 10**-digits)


def test_svm_losses_of_three_images():
    scores = jnp.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    losses = svm_loss(scores, jnp.array([0, 1, 2]))
    close(losses, [2.9, 0, 12.9])
    close(jnp.mean(losses), 5.2667)


def test_softmax_losses():
    close(softmax_loss(jnp.array([[0.2, 0.1, -0.1]]), jnp.array([0])), [0.972919], 6)
    close(jax.nn.softmax(jnp.array([0.2, 0.1, -0.1])), [0.377978, 0.342009, 0.280013], 6)
    labels = jnp.array([2, 0, 1])
    good = jnp.array([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    bad = jnp.array([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    close(jnp.mean(softmax_loss(good, labels)), 0.4966)
    close(jnp.mean(softmax_loss(bad, labels)), 1.2389)


def test_softmax_gradient_is_probability_minus_truth():
    scores = jnp.array([[0.2, 0.1, -0.1]])
    slope = jax.grad(lambda s: softmax_loss(s, jnp.array([0]))[0])(scores)
    close(slope, [[0.377978 - 1, 0.342009, 0.280013]], 6)


def test_softmax_loss_of_huge_scores_is_finite():
    huge = jnp.array([[1e4, 0.0, -1e4]])
    close(softmax_loss(huge, jnp.array([0])), [0.0])
    close(softmax_loss(huge, jnp.array([2])), [2e4])


def test_binary_cross_entropies():
    truth, said = jnp.array([1.0, 1, 0, 0]), jnp.array([0.2, 0.8, 0.3, 0.7])
    losses = binary_cross_entropy(logit(said), truth)
    close(losses, [1.6094, 0.2231, 0.3567, 1.2040])
    close(jnp.mean(losses), 0.8483)


def test_multi_label_loss():
    truth, said = jnp.array([[0.0, 1, 1]]), jnp.array([[0.1, 0.7, 0.8]])
    close(binary_cross_entropy(logit(said), truth), [[0.1054, 0.3567, 0.2231]])
    close(3 * multi_label_cross_entropy(logit(said), truth), [0.6852], 3)


def test_information():
    p = jnp.array([0.7, 0.2, 0.1])
    close(entropy(p), 0.8018)
    close(cross_entropy(jnp.array([0.0, 1, 0]), jnp.array([0.3, 0.6, 0.1])), 0.5108)
    close(kl_divergence(jnp.array([1.0, 0, 0]), p), 0.3567)
    close(self_information(jnp.exp(-2.0)), 2)
    q = jnp.array([0.5, 0.25, 0.25])
    close(cross_entropy(p, q), float(entropy(p) + kl_divergence(p, q)), 6)
    close(entropy(q, base=2), 1.5, 6)
    close(binary_entropy(jnp.array([0.0, 0.5, 1.0]), base=2), [0, 1, 0], 6)
    assert np.isinf(kl_divergence(p, jnp.array([1.0, 0, 0])))
    with pytest.raises(ValueError, match="p, q must have equal shapes"):
        cross_entropy(p, jnp.ones(2))


def test_graph_of_a_sum_and_a_product():
    slopes = jax.grad(lambda x, y, z: (x + y) * z, argnums=(0, 1, 2))(-2.0, 5.0, -4.0)
    assert [float(s) for s in slopes] == [-4, -4, 3]


def test_gates():
    add, mul, top = (
        lambda t: t[0] + t[1],
        lambda t: t[0] * t[1],
        lambda t: jnp.maximum(t[0], t[1]),
    )
    at = jnp.array([4.0, 3.0])
    np.testing.assert_array_equal(5 * jax.grad(add)(at), [5, 5])  # adds distribute
    np.testing.assert_array_equal(5 * jax.grad(mul)(at), [15, 20])  # products swap
    np.testing.assert_array_equal(5 * jax.grad(top)(at), [5, 0])  # maxima route
    assert float(jax.grad(lambda x: 2 * x + 3 * x)(1.0)) == 5  # copies add


def test_linear_gate_with_a_slope_of_5():
    _, back = jax.vjp(
        lambda x, w: linear(x, w, jnp.zeros(1)), jnp.array([[2.0]]), jnp.array([[3.0]])
    )
    dx, dw = back(jnp.array([[5.0]]))
    assert (float(dx[0, 0]), float(dw[0, 0])) == (15, 10)


def test_sigmoid_gate_at_1():
    value, slope = jax.value_and_grad(sigmoid)(1.0)
    close(value, 0.7311)
    close(slope, 0.1966)


def test_relu_passes_the_slope_where_it_was_on():
    _, back = jax.vjp(relu, jnp.array([1.0, -2.0, 3.0, -1.0]))
    np.testing.assert_array_equal(back(jnp.array([4.0, -1.0, 5.0, 9.0]))[0], [4, 0, 5, 0])


def test_matrix_product():
    rng = np.random.default_rng(0)
    x, w, slope = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    dx, dw = jax.vjp(jnp.matmul, jnp.asarray(x), jnp.asarray(w))[1](jnp.asarray(slope))
    np.testing.assert_allclose(dx, slope @ w.T, rtol=1e-5)
    np.testing.assert_allclose(dw, x.T @ slope, rtol=1e-5)


def test_chain_of_two_products():
    rng = np.random.default_rng(1)
    w2, w1, x1, y = (rng.normal(size=s) for s in ((2, 4), (4, 3), (3, 5), (2, 5)))

    def loss(w2, w1):
        return jnp.sum((y - w2 @ (w1 @ x1)) ** 2)

    d2, d1 = jax.grad(loss, argnums=(0, 1))(w2, w1)
    left = -2 * (y - w2 @ w1 @ x1)
    np.testing.assert_allclose(d2, left @ (w1 @ x1).T, rtol=1e-4)
    np.testing.assert_allclose(d1, w2.T @ left @ x1.T, rtol=1e-4)


def test_a_vector_output_needs_a_cotangent():
    x, y = jnp.array([0.0, 2, 8]), jnp.array([5.0, 1, 7])
    dx, dy = jax.vjp(jnp.multiply, x, y)[1](jnp.ones(3))
    np.testing.assert_array_equal(dx, [5, 1, 7])
    np.testing.assert_array_equal(dy, [0, 2, 8])


def test_dropout_of_sixteen_numbers():
    x = jnp.arange(16.0).reshape(2, 8)
    key = jax.random.key(0)
    np.testing.assert_array_equal(dropout(key, x, rate=0.0), x)
    np.testing.assert_array_equal(dropout(key, x, rate=1.0), jnp.zeros_like(x))
    half = np.asarray(dropout(key, x, rate=0.5))
    assert np.all((half == 0) | (half == 2 * x))
    assert 0 < np.count_nonzero(half) < 15


def test_regularized_objective_as_a_graph():
    """J = l(o, y) + lambda / 2 (|W1|^2 + |W2|^2), z = W1 x, h = relu(z), o = W2 h."""
    rng = np.random.default_rng(2)
    w1, w2, x, y = (rng.normal(size=s) for s in ((4, 3), (2, 4), (3,), (2,)))
    strength = 0.3

    def objective(w1, w2):
        out = w2 @ jax.nn.relu(w1 @ x)
        return jnp.sum((out - y) ** 2) / 2 + strength / 2 * (jnp.sum(w1**2) + jnp.sum(w2**2))

    z = w1 @ x
    h = np.maximum(z, 0)
    do = w2 @ h - y
    dz = (w2.T @ do) * (z > 0)
    d1, d2 = jax.grad(objective, argnums=(0, 1))(w1, w2)
    np.testing.assert_allclose(d2, np.outer(do, h) + strength * w2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(d1, np.outer(dz, x) + strength * w1, rtol=1e-4, atol=1e-6)


def test_linear_layers_alone_collapse_to_one():
    rng = np.random.default_rng(3)
    x, w1, w2 = (jnp.asarray(rng.normal(size=s)) for s in ((5, 3), (3, 7), (7, 2)))
    deep = linear(linear(x, w1, jnp.zeros(7)), w2, jnp.zeros(2))
    np.testing.assert_allclose(deep, linear(x, w1 @ w2, jnp.zeros(2)), rtol=1e-3)


def test_the_two_layer_demo_falls_as_with_the_backward_pass_by_hand():
    rng = np.random.default_rng(0)
    x, y, *start = (rng.normal(size=s) for s in ((64, 1000), (64, 10), (1000, 100), (100, 10)))
    losses, (w1, w2) = [], start
    for _ in range(500):
        hidden = x @ w1
        difference = np.maximum(hidden, 0) @ w2 - y
        losses.append(np.sum(difference**2))
        d2 = np.maximum(hidden, 0).T @ (2 * difference)
        d1 = x.T @ (2 * difference @ w2.T * (hidden > 0))
        w1, w2 = w1 - 1e-6 * d1, w2 - 1e-6 * d2

    def summed_squares(weights, x, y):
        return jnp.sum((jax.nn.relu(x @ weights[0]) @ weights[1] - y) ** 2)

    single = [jnp.float32(w) for w in (*start, x, y)]
    _, got = gradient_descent(summed_squares, tuple(single[:2]), *single[2:], rate=1e-6, steps=500)
    assert losses[0] > 1e6 > 1 > losses[-1]
    np.testing.assert_allclose(got[:200], losses[:200], rtol=0.02)
    assert got[-1] < 1


def test_the_sequential_of_the_course_is_torchs():
    model = MLP(num_classes=10, hidden=(4000,))
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.ones((1, 3072)), train=False))
    layers = torch.nn.Sequential(
        torch.nn.Linear(3072, 4000, device="meta"),
        torch.nn.ReLU(),
        torch.nn.Linear(4000, 10, device="meta"),
    )
    want = sum(p.numel() for p in layers.parameters())
    assert want == 12_332_010 == sum(leaf.size for leaf in jax.tree.leaves(shapes))
