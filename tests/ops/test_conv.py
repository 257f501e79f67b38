"""Convolution against torch's: values, both derivatives, worked examples."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.conv import conv, conv_general_dilated

FIVE = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [3, 2, 3, 1, 1], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]
CROSS = [[1, 2, 1], [0, 1, 0], [2, 1, 0]]
DIGITS = [[int(c) for c in row] for row in ("34657", "24682", "16784", "97462", "37541")]
SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
GRAY = [
    [105, 102, 100, 97, 96],
    [103, 99, 103, 101, 102],
    [101, 98, 104, 102, 100],
    [99, 101, 106, 104, 99],
    [104, 104, 104, 100, 98],
]
FULL = [
    [1, 3, 4, 10, 8],
    [7, 14, 14, 17, 9],
    [9, 18, 18, 17, 9],
    [15, 17, 14, 8, 7],
    [14, 13, 9, 7, 4],
]
FULL_DIGITS = [
    [91, 168, 224, 215, 127],
    [114, 211, 295, 262, 149],
    [192, 259, 282, 214, 122],
    [194, 251, 253, 169, 86],
    [96, 112, 110, 68, 31],
]


def by_hand(image, kernel, **options):
    x = jnp.array(image, jnp.float32)[None, :, :, None]
    return conv(x, jnp.array(kernel, jnp.float32)[:, :, None, None], **options)[0, :, :, 0]


def test_worked_examples():
    one_to_nine = np.arange(1, 10).reshape(3, 3)
    np.testing.assert_array_equal(by_hand(FIVE, CROSS, padding=1), FULL)
    np.testing.assert_array_equal(by_hand(FIVE, CROSS), np.array(FULL)[1:4, 1:4])
    np.testing.assert_array_equal(by_hand(FIVE, CROSS, stride=2), [[14, 17], [17, 8]])
    np.testing.assert_array_equal(by_hand(DIGITS, one_to_nine, padding=1), FULL_DIGITS)
    np.testing.assert_array_equal(by_hand(DIGITS, one_to_nine, stride=2), [[211, 262], [251, 169]])
    np.testing.assert_array_equal(by_hand(GRAY, SHARPEN, padding=1)[0], [320, 206, 198, 188, 281])


def test_channels_are_summed():
    x = jnp.array([[[[1.0, 5.0, -1.0]]]])
    assert conv(x, jnp.ones((1, 1, 3, 1)))[0, 0, 0, 0] == 5


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "want"),
    [
        ((1, 100, 100, 5), (3, 3, 5, 10), 0, (1, 98, 98, 10)),
        ((64, 32, 32, 3), (3, 3, 3, 6), 0, (64, 30, 30, 6)),
        ((1, 6, 6, 3), (3, 3, 3, 1), 0, (1, 4, 4, 1)),
        ((1, 9, 7, 2), (5, 3, 2, 4), (2, 1), (1, 9, 7, 4)),
        ((1, 5, 5, 1), (2, 2, 1, 1), ((0, 1), (1, 0)), (1, 5, 5, 1)),
    ],
)
def test_shapes(size, kernel, padding, want):
    def run(x, k):
        return conv(x, k, padding=padding)

    assert jax.eval_shape(run, jnp.empty(size), jnp.empty(kernel)).shape == want


# size, channels, features, kernel, stride, padding, dilation, groups
CASES = [
    ((7, 8), 4, 6, (3, 3), 1, 1, 1, 1),
    ((8, 8), 3, 5, (3, 3), 2, 1, 1, 1),  # a row of the input is never met
    ((9, 9), 2, 4, (3, 2), (2, 3), (1, 2), (2, 1), 1),
    ((8, 8), 2, 3, (1, 1), 2, 0, 1, 1),
    ((5, 6), 2, 3, (1, 1), 1, 1, 1, 1),  # padding beyond the kernel
    ((8, 7), 4, 6, (3, 3), 2, 1, 1, 2),
    ((6, 6), 6, 6, (2, 2), 1, 0, 2, 3),
    ((6, 6), 18, 9, (3, 3), 2, 1, 1, 9),
    ((9, 8), 4, 8, (3, 3), 2, 0, 2, 4),
    ((8, 8), 4, 4, (3, 3), (2, 1), 1, 1, 4),
    ((9,), 2, 4, (3,), 2, 1, 1, 1),
    ((9,), 4, 4, (3,), 2, 1, 2, 4),
    ((4, 5, 6), 2, 3, (2, 3, 3), (1, 2, 2), (0, 1, 1), 1, 1),
    ((7, 5, 6), 1, 3, (3, 2, 3), (2, 1, 2), (2, 1, 0), (2, 1, 2), 1),
    ((6, 5, 4), 4, 6, (3, 3, 3), 2, 1, 1, 2),
    # few channels become bands, of four outputs a time; many do not
    ((6, 23), 3, 5, (5, 5), 1, 2, 1, 1),
    ((9, 21), 1, 4, (3, 5), (1, 2), (1, 3), (1, 2), 1),
    ((9, 9), 12, 4, (3, 2), (2, 3), (1, 2), (2, 1), 1),
    ((8, 8), 12, 5, (3, 3), 2, 1, 1, 1),
    ((8, 9), 6, 40, (3, 3), 1, (1, 0), 1, 1),
    ((9, 9), 2, 3, (7, 7), 1, 1, 1, 1),
]


@pytest.mark.parametrize(
    ("size", "channels", "features", "kernel", "stride", "padding", "dilation", "groups"), CASES
)
def test_value_and_gradients_are_torchs(
    size, channels, features, kernel, stride, padding, dilation, groups
):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x = rng.normal(size=(2, *size, channels)).astype(np.float32)
    w = rng.normal(size=(*kernel, channels // groups, features)).astype(np.float32)
    tx = torch.tensor(np.moveaxis(x, -1, 1), requires_grad=True)
    tw = torch.tensor(np.moveaxis(w, (-1, -2), (0, 1)), requires_grad=True)
    ty = getattr(torch.nn.functional, f"conv{len(size)}d")(tx, tw, **options)
    cotangent = rng.normal(size=ty.shape).astype(np.float32)
    ty.backward(torch.tensor(cotangent))

    @jax.jit
    def run(x, w, g):
        y, vjp = jax.vjp(lambda x, w: conv(x, w, **options), x, w)
        return y, *vjp(g)

    y, grad_x, grad_w = run(x, w, np.moveaxis(cotangent, 1, -1))
    np.testing.assert_allclose(y, np.moveaxis(ty.detach().numpy(), 1, -1), atol=2e-5)
    np.testing.assert_allclose(grad_x, np.moveaxis(tx.grad.numpy(), 1, -1), atol=2e-5)
    np.testing.assert_allclose(grad_w, np.moveaxis(tw.grad.numpy(), (0, 1), (-1, -2)), atol=2e-5)


def test_unequal_pairs_of_padding_are_zeros_around_the_image():
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(3, 3, 3, 4))
    x, w = x.astype(np.float32), w.astype(np.float32)
    pads = ((0, 1), (2, 0))

    def padded(x, w):
        return jnp.sin(conv(jnp.pad(x, ((0, 0), *pads, (0, 0))), w, stride=2)).sum()

    def direct(x, w):
        return jnp.sin(conv(x, w, stride=2, padding=pads)).sum()

    for a, b in zip(jax.grad(padded, (0, 1))(x, w), jax.grad(direct, (0, 1))(x, w), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("channels", "groups"), [(3, 1), (4, 1), (12, 1), (4, 2), (4, 4)])
def test_second_derivatives_are_torchs(channels, groups):  # Hessians, gradient penalties
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x, v = rng.normal(size=(2, 1, 5, 5, channels)).astype(np.float32)
    w = rng.normal(size=(3, 3, channels // groups, 4)).astype(np.float32)

    def penalty(x, w):
        def energy(x):
            return jnp.sum(conv(x, w, stride=2, padding=1, groups=groups) ** 3)

        return jnp.sum(jax.grad(energy)(x) * v)

    tx = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    tw = torch.tensor(w.transpose(3, 2, 0, 1), requires_grad=True)
    energy = (torch.nn.functional.conv2d(tx, tw, stride=2, padding=1, groups=groups) ** 3).sum()
    (slope,) = torch.autograd.grad(energy, tx, create_graph=True)
    (slope * torch.tensor(v.transpose(0, 3, 1, 2))).sum().backward()
    grad_x, grad_w = jax.jit(jax.grad(penalty, (0, 1)))(x, w)
    np.testing.assert_allclose(grad_x, tx.grad.numpy().transpose(0, 2, 3, 1), atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(grad_w, tw.grad.numpy().transpose(2, 3, 1, 0), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "SAME", "strides": 2},
        {"padding": "VALID", "kernel_dilation": 2},
        {"padding": 1, "feature_group_count": 2, "use_bias": False},
        {"padding": [(0, 1), (2, 1)], "feature_group_count": 4},
    ],
)
def test_flax_layer_computes_the_same_through_the_adapter(options):
    x = jax.random.normal(jax.random.key(0), (2, 6, 7, 4))
    stock = nn.Conv(4, (3, 3), **options)
    ours = nn.Conv(4, (3, 3), conv_general_dilated=conv_general_dilated, **options)
    variables = stock.init(jax.random.key(1), x)

    def slope(model):
        return jax.grad(lambda v: jnp.sum(model.apply(v, x) ** 2))(variables)

    for want, got in zip(jax.tree.leaves(slope(stock)), jax.tree.leaves(slope(ours)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_strict_promotion_and_bfloat16(groups):
    x, w = jnp.ones((1, 4, 4, 4), jnp.bfloat16), jnp.ones((3, 3, 4 // groups, 4), jnp.bfloat16)
    with jax.numpy_dtype_promotion("strict"):
        y, vjp = jax.vjp(lambda x, w: conv(x, w, padding=1, groups=groups), x, w)
        grads = vjp(y)
    assert {y.dtype, *(g.dtype for g in grads)} == {jnp.dtype(jnp.bfloat16)}


@pytest.mark.parametrize(
    ("x", "kernel", "options", "message"),
    [
        ((1, 4, 4), (3, 3, 4, 2), {}, r"x must be \(B, H, W, C\)"),
        ((1, 4, 4, 3), (3, 3, 4, 2), {}, "3 channels and 2 features in 1 groups"),
        ((1, 4, 4, 4), (3, 3, 2, 3), {"groups": 2}, "4 channels and 3 features in 2 groups"),
        ((1, 2, 2, 3), (3, 3, 3, 2), {}, r"\(3, 3\).*does not fit into \(2, 2\)"),
        ((1, 4, 4, 3), (3, 3, 3, 2), {"padding": "SAME"}, "padding must be given in numbers"),
        ((1, 4, 4, 3), (3, 3, 3, 2), {"stride": 0}, "stride must be an int >= 1"),
        ((1, 4, 4, 3), (3, 3, 3, 2), {"padding": (1, 1, 1)}, "padding must be an int >= 0"),
    ],
)
def test_errors_say_what_is_wrong(x, kernel, options, message):
    with pytest.raises(ValueError, match=message):
        conv(jnp.ones(x), jnp.ones(kernel), **options)


def test_bytes_do_not_enter_a_convolution():
    with pytest.raises(ValueError, match="one float dtype, got uint8"):
        conv(jnp.ones((1, 4, 4, 1), jnp.uint8), jnp.ones((3, 3, 1, 1)))


def test_adapter_refuses_other_forms():
    x, w = jnp.ones((1, 3, 4, 4)), jnp.ones((2, 3, 3, 3))
    with pytest.raises(ValueError, match="takes NHWC x HWIO"):
        conv_general_dilated(x, w, (1, 1), "VALID")
