"""Pooling against torch's: values with ties, both derivatives, worked examples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.pool import adaptive_avg_pool, avg_pool, max_pool

FIVE = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]
FOUR = [[3, 4, 6, 5], [2, 4, 6, 8], [1, 6, 7, 8], [9, 7, 4, 6]]


def plane(values):
    return jnp.array(values, jnp.float32)[None, :, :, None]


def test_worked_examples():
    np.testing.assert_array_equal(
        max_pool(plane(FIVE), 3, ceil_mode=True)[0, :, :, 0], [[2, 3], [5, 1]]
    )
    np.testing.assert_array_equal(max_pool(plane(FIVE), 3)[0, :, :, 0], [[2]])
    np.testing.assert_array_equal(max_pool(plane(FOUR), 2)[0, :, :, 0], [[4, 8], [9, 8]])


# size, window, stride, padding, ceil_mode
CASES = [
    ((6, 6), 2, None, 0, False),
    ((7, 5), 2, None, 0, False),
    ((7, 5), 2, None, 0, True),
    ((7, 8), 3, 2, 1, False),
    ((7, 8), 3, 2, 1, True),
    ((5, 5), (2, 3), (1, 2), (1, 0), False),
    ((6, 6), 3, 1, 1, True),
    ((4, 4), 2, 3, 0, True),  # a gap between the windows
    ((5, 5), 2, 2, 1, True),  # the last window would start in the padding
    ((7,), 3, 2, 1, True),
    ((4, 5, 6), (1, 2, 2), None, 0, False),
    ((4, 5, 6), 2, 1, 1, False),
]


def both(name, x, cotangent_seed, function, *torch_options):
    """Value and input gradient, ours and torch's, channels last."""
    torch = pytest.importorskip("torch")
    t = torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
    want = getattr(torch.nn.functional, f"{name}{x.ndim - 2}d")(t, *torch_options)
    cotangent = np.random.default_rng(cotangent_seed).normal(size=want.shape).astype(np.float32)
    want.backward(torch.tensor(cotangent))

    @jax.jit
    def run(x, g):
        y, vjp = jax.vjp(function, x)
        return function(x), y, vjp(g)[0]

    alone, got, grad = run(x, np.moveaxis(cotangent, 1, -1))
    np.testing.assert_array_equal(alone, got)  # the path without a gradient computes the same
    return (got, grad), (
        np.moveaxis(want.detach().numpy(), 1, -1),
        np.moveaxis(t.grad.numpy(), 1, -1),
    )


@pytest.mark.parametrize(("size", "window", "stride", "padding", "ceil"), CASES)
def test_max_pool_is_torchs_with_ties(size, window, stride, padding, ceil):
    x = np.random.default_rng(0).integers(-3, 0, size=(2, *size, 3)).astype(np.float32)

    def function(x):
        return max_pool(x, window, stride, padding, ceil)

    got, want = both("max_pool", x, 1, function, window, stride, padding, 1, ceil)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize(("size", "window", "stride", "padding", "ceil"), CASES)
def test_avg_pool_is_torchs(size, window, stride, padding, ceil, include):
    x = np.random.default_rng(2).normal(size=(2, *size, 3)).astype(np.float32)

    def function(x):
        return avg_pool(x, window, stride, padding, ceil, include)

    got, want = both("avg_pool", x, 3, function, window, stride, padding, ceil, include)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_max_pool_passes_nan_on():
    x = plane(FOUR).at[0, 1, 1, 0].set(jnp.nan)
    y, vjp = jax.vjp(lambda x: max_pool(x, 2), x)
    assert jnp.isnan(y[0, 0, 0, 0])
    assert jnp.isnan(y).sum() == 1
    assert vjp(jnp.ones_like(y))[0][0, 1, 1, 0] == 1


@pytest.mark.parametrize("window", [2, 3])
def test_second_derivative_of_max_pool(window):
    x = jnp.arange(36.0).reshape(1, 6, 6, 1)

    def slope(x):
        return jnp.sum(jax.grad(lambda x: jnp.sum(max_pool(x, window, 2) ** 3))(x))

    def by_hand(x):  # with rising values every window's maximum is its last element
        last = x[:, window - 1 :: 2, window - 1 :: 2]
        return jnp.sum(3 * last**2)

    np.testing.assert_allclose(jax.grad(slope)(x), jax.grad(by_hand)(x))


def test_strict_promotion_and_bfloat16():
    x = jnp.arange(16, dtype=jnp.bfloat16).reshape(1, 4, 4, 1)
    with jax.numpy_dtype_promotion("strict"):
        for function in (lambda x: max_pool(x, 3, 2, 1), lambda x: avg_pool(x, 2)):
            y, vjp = jax.vjp(function, x)
            assert vjp(y)[0].dtype == y.dtype == jnp.bfloat16


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_errors_say_what_is_wrong(pool):
    name = pool.__name__
    with pytest.raises(ValueError, match=rf"{name}: x must be \(B, H, W, C\).*\(4, 4\)"):
        pool(jnp.ones((4, 4)), 2)
    with pytest.raises(ValueError, match=f"{name}: padding must be at most half"):
        pool(jnp.ones((1, 4, 4, 1)), 3, padding=2)
    with pytest.raises(ValueError, match=rf"{name}: windows of \(5, 5\) do not fit"):
        pool(jnp.ones((1, 4, 4, 1)), 5)


@pytest.mark.parametrize(
    ("image", "cells"), [((14, 13), (6, 4)), ((1, 3), (4, 7)), ((6, 9), (6, 3))]
)
def test_adaptive_means_are_torchs(image, cells):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, *image, 3)).astype(np.float32)
    g = np.random.default_rng(1).normal(size=(2, *cells, 3)).astype(np.float32)
    y, vjp = jax.vjp(lambda x: adaptive_avg_pool(x, cells), x)
    t = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    want = torch.nn.functional.adaptive_avg_pool2d(t, cells)
    want.backward(torch.tensor(g.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(y, want.detach().numpy().transpose(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(vjp(g)[0], t.grad.numpy().transpose(0, 2, 3, 1), atol=1e-5)


def test_adaptive_means_want_an_image():
    with pytest.raises(ValueError, match=r"adaptive_avg_pool: x must have 3 or 4 or 5 axes"):
        adaptive_avg_pool(jnp.ones((4, 4)), 2)
