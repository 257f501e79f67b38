"""Every backward pass agrees with central differences, with `jax.grad` and with torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.classic.backprop.activation import relu, sigmoid
from jaxdl.classic.backprop.conv import conv
from jaxdl.classic.backprop.dropout import dropout
from jaxdl.classic.backprop.linear import linear
from jaxdl.classic.backprop.loss import softmax_loss, svm_loss
from jaxdl.classic.backprop.norm import batch_norm, spatial_batch_norm
from jaxdl.classic.backprop.pool import max_pool
from jaxdl.classic.backprop.rnn import rnn_step
from jaxdl.classic.gradient_check import gradient_error
from jaxdl.losses.classification import multiclass_hinge, softmax_cross_entropy

KEY = jax.random.key(0)
LABELS = np.array([0, 2, 1])


def normal(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)


def plain_conv(stride, padding):
    def apply(x, kernel, bias):
        numbers = ("NHWC", "HWIO", "NHWC")
        pads = [(padding, padding)] * 2
        y = jax.lax.conv_general_dilated(x, kernel, (stride,) * 2, pads, dimension_numbers=numbers)
        return y + bias[None, None, None, :]

    return apply


def plain_pool(size, stride):
    def apply(x):
        window, strides = (1, size, size, 1), (1, stride, stride, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "VALID")

    return apply


def plain_norm(axes, eps):
    def apply(x, scale, shift):
        mean, var = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
        shape = (1,) * (x.ndim - 1) + (-1,)
        return (x - mean) / jnp.sqrt(var + eps) * scale.reshape(shape) + shift.reshape(shape)

    return apply


def mask_of(rate):
    return jax.random.bernoulli(KEY, 1 - rate, (5, 6)) / (1 - rate)


def norm_case(function, axes, shape, eps, derivation):
    def ours(*arguments):
        return function(*arguments, eps=eps, derivation=derivation)

    return ours, plain_norm(axes, eps), normal(shape, (3,), (3,))


CASES = {
    "linear": (
        linear,
        lambda x, w, b: x.reshape(3, -1) @ w + b[None, :],
        normal((3, 2, 2), (4, 5), (5,)),
    ),
    "relu": (relu, lambda x: jnp.where(x > 0, x, 0), normal((4, 5))),
    "sigmoid": (sigmoid, jax.nn.sigmoid, normal((4, 5))),
    "dropout 0.3": (
        lambda x: dropout(KEY, x, rate=0.3),
        lambda x: x * mask_of(0.3),
        normal((5, 6)),
    ),
    "dropout 0.8": (
        lambda x: dropout(KEY, x, rate=0.8),
        lambda x: x * mask_of(0.8),
        normal((5, 6)),
    ),
    "conv": (conv, plain_conv(1, 0), normal((2, 4, 5, 3), (3, 3, 3, 2), (2,))),
    "conv stride 2, padding 1": (
        lambda *a: conv(*a, stride=2, padding=1),
        plain_conv(2, 1),
        normal((2, 5, 6, 3), (3, 3, 3, 2), (2,)),
    ),
    "max pool": (max_pool, plain_pool(2, 2), normal((2, 4, 6, 3))),
    "max pool 3, stride 2": (
        lambda x: max_pool(x, size=3, stride=2),
        plain_pool(3, 2),
        normal((2, 5, 7, 3)),
    ),
    "batch norm, graph": norm_case(batch_norm, (0,), (6, 3), 1e-5, "graph"),
    "batch norm, paper": norm_case(batch_norm, (0,), (6, 3), 0.1, "paper"),
    "spatial norm, graph": norm_case(spatial_batch_norm, (0, 1, 2), (2, 3, 2, 3), 0.1, "graph"),
    "spatial norm, paper": norm_case(spatial_batch_norm, (0, 1, 2), (2, 3, 2, 3), 1e-5, "paper"),
    "softmax loss": (
        lambda s: softmax_loss(s, LABELS),
        lambda s: softmax_cross_entropy(s, LABELS),
        normal((3, 4)),
    ),
    "svm loss": (
        lambda s: svm_loss(s, LABELS),
        lambda s: multiclass_hinge(s, LABELS),
        normal((3, 4)),
    ),
    "svm loss, margin 0.5": (
        lambda s: svm_loss(s, LABELS, margin=0.5),
        lambda s: multiclass_hinge(s, LABELS, margin=0.5),
        normal((3, 4)),
    ),
    "rnn step": (
        rnn_step,
        lambda x, h, wx, wh, b: jnp.tanh(x @ wx + h @ wh + b[None, :]),
        normal((3, 4), (3, 2), (4, 2), (2, 2), (2,)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient(case):
    ours, plain, inputs = CASES[case]
    with jax.enable_x64(True):
        inputs = tuple(jnp.asarray(x) for x in inputs)
        shape = jax.eval_shape(ours, *inputs).shape
        slope = jnp.asarray(normal(shape, seed=1)[0])  # any upstream gradient, not only ones
        value_and_slopes = jax.jit(
            lambda f, *x: (lambda y, back: (y, *back(slope)))(*jax.vjp(f, *x)), static_argnums=0
        )
        got, want = value_and_slopes(ours, *inputs), value_and_slopes(plain, *inputs)
        for ours_has, expected in zip(got, want, strict=True):
            np.testing.assert_allclose(ours_has, expected, rtol=1e-9, atol=1e-11)
        assert gradient_error(lambda t: jnp.sum(ours(*t) * slope), inputs) < 1e-5


def test_max_pool_gives_a_tie_to_the_first_as_torch_does():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 3, (2, 6, 6, 2)).astype(np.float32)  # many ties
    theirs = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    torch.nn.functional.max_pool2d(theirs, 3, 2).sum().backward()
    got = jax.grad(lambda t: max_pool(t, size=3, stride=2).sum())(jnp.asarray(x))
    np.testing.assert_array_equal(got, theirs.grad.numpy().transpose(0, 2, 3, 1))


def test_dropout_keeps_the_expectation():
    kept = dropout(KEY, jnp.ones((200, 200)), rate=0.3)
    np.testing.assert_allclose(np.mean(np.asarray(kept)), 1, atol=0.02)
    np.testing.assert_allclose(np.unique(kept), [0, 1 / 0.7], rtol=1e-6)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"linear: a row of x must have 4 numbers"):
        linear(jnp.ones((2, 3)), jnp.ones((4, 5)), jnp.ones(5))
    with pytest.raises(ValueError, match=r"conv: kernel must be square and take the 3 channels"):
        conv(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 2, 1)), jnp.ones(1))
    with pytest.raises(ValueError, match=r"size must lie in \[1, 2\]"):
        max_pool(jnp.ones((1, 2, 4, 1)), size=3)
    with pytest.raises(ValueError, match=r"derivation must be one of graph, paper"):
        batch_norm(jnp.ones((2, 3)), jnp.ones(3), jnp.ones(3), derivation="guess")
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\], got 1.5"):
        dropout(KEY, jnp.ones(3), rate=1.5)
