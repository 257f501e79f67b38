"""Transposed convolution against torch: values and gradients; no convolution in a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv_transpose import ConvTranspose
from jaxdl.ops.conv_transpose import conv_transpose

CASES = [(4, 2, 1, 0), (3, 1, 1, 0), (3, 2, 1, 1), (2, 3, 0, 0), (5, 2, 0, 0), (3, 2, 0, 1)]


@pytest.mark.parametrize(("size", "stride", "padding", "extra"), CASES)
def test_values_and_gradients_are_torchs(size, stride, padding, extra):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 2)).astype(np.float32)
    kernel = rng.normal(size=(size, size, 2, 3)).astype(np.float32)
    tx = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    tk = torch.tensor(kernel.transpose(2, 3, 0, 1), requires_grad=True)
    want = torch.nn.functional.conv_transpose2d(
        tx, tk, stride=stride, padding=padding, output_padding=extra
    )
    weights = rng.normal(size=want.shape).astype(np.float32)
    (want * torch.tensor(weights)).sum().backward()

    def loss(x, kernel):
        y = conv_transpose(x, kernel, stride=stride, padding=padding, output_padding=extra)
        return (y * weights.transpose(0, 2, 3, 1)).sum(), y

    (_, y), grads = jax.value_and_grad(loss, (0, 1), has_aux=True)(x, kernel)
    np.testing.assert_allclose(y, want.detach().permute(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(grads[0], tx.grad.permute(0, 2, 3, 1), atol=1e-4)
    np.testing.assert_allclose(grads[1], tk.grad.permute(2, 3, 0, 1), atol=1e-4)


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_layer_has_a_bias_and_keeps_the_scale(use_bias):
    layer = ConvTranspose(64, 4, 2, 1, use_bias=use_bias)
    x = jax.random.normal(jax.random.key(0), (2, 7, 7, 128))
    variables = layer.init(jax.random.key(1), x)
    y = layer.apply(variables, x)
    assert y.shape == (2, 14, 14, 64)
    assert set(variables["params"]) == {"kernel"} | ({"bias"} if use_bias else set())
    assert 0.8 < float(jnp.std(y[:, 2:-2, 2:-2])) < 1.2


def test_the_program_has_no_convolution():
    kernel = jnp.ones((4, 4, 2, 3))
    loss = lambda x, k: conv_transpose(x, k, stride=2, padding=1).sum()  # noqa: E731
    text = jax.jit(jax.grad(loss, (0, 1))).lower(jnp.ones((1, 3, 3, 2)), kernel).as_text()
    assert "convolution" not in text


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 4, 3, 3), {}, r"kernel must be \(k, k, 2, F\)"),
        ((4, 4, 2, 3), {"padding": 4}, "padding < k"),
        ((4, 4, 2, 3), {"output_padding": 1}, "output_padding < stride"),
    ],
)
def test_what_does_not_fit_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        conv_transpose(jnp.ones((1, 3, 3, 2)), jnp.ones(shape), **options)


@pytest.mark.parametrize(("size", "checkered"), [(3, True), (4, False), (5, True), (6, False)])
def test_windows_that_the_stride_does_not_divide_leave_a_checkerboard(size, checkered):
    """Ones on ones count the windows over a pixel: uneven where 2 does not divide the kernel
    (Odena et al. 2016), as torch's Fold counts them."""
    torch = pytest.importorskip("torch")
    y = conv_transpose(jnp.ones((1, 8, 8, 1)), jnp.ones((size, size, 1, 1)), stride=2)[0, ..., 0]
    fold = torch.nn.Fold(y.shape, size, stride=2)
    np.testing.assert_array_equal(y, fold(torch.ones(1, size * size, 64))[0, 0])
    inner = np.asarray(y)[size:-size, size:-size]
    assert (np.ptp(inner) > 0) == checkered
    half, rest = divmod(size, 2)  # windows over an odd column; one more over an even one
    assert set(inner.ravel()) == {half**2, half * (half + rest), (half + rest) ** 2}
