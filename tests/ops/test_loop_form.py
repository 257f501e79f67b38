"""In a looped program every convolution has the one form that XLA's CPU compiler makes fast."""

import re
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxdl.layers.conv import Conv
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.models.small.lenet import LeNet
from jaxdl.ops.conv import conv, conv_general_dilated
from jaxdl.vision3d.voxel_net import VoxelNet

FORM = "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"


class Mixed(nn.Module):
    """Strided, dilated, grouped, depthwise and Flax's own convolutions."""

    @nn.compact
    def __call__(self, x, *, train):
        x = Conv(24, 3, 2, padding=1, use_bias=False, name="strided")(x)
        x = MaxPool(3, 2, 1, name="pool")(BatchNorm(train=False, name="norm")(x))
        x = Conv(12, 3, padding=2, dilation=2, groups=2, name="grouped")(x)
        x = Conv(12, 3, padding=1, groups=12, name="depthwise")(x)
        x = nn.Conv(4, (3, 3), conv_general_dilated=conv_general_dilated, name="flax")(x)
        return x.mean((1, 2))


def looped_text(model: Any, shape) -> str:
    """The lowered text of SGD steps inside a `fori_loop` with a traced number of turns."""
    x, labels = jnp.zeros(shape), jnp.zeros(shape[0], jnp.int32)
    variables = jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)

    def steps(variables, x, labels, turns):
        rest = {name: tree for name, tree in variables.items() if name != "params"}

        def loss(params):
            logits = model.apply(rest | {"params": params}, x, train=False)
            return softmax_cross_entropy(logits, labels).mean()

        def step(_, params):
            value, grads = jax.value_and_grad(loss)(params)
            return jax.tree.map(lambda p, g: p - 0.1 * g * value, params, grads)

        return jax.lax.fori_loop(0, turns, step, variables["params"])

    return jax.jit(steps).lower(variables, x, labels, 3).as_text()


@pytest.mark.parametrize(
    ("model", "shape", "forward", "backward"),
    [
        (LeNet(10, conv1=12, conv2=5, hidden=6), (2, 28, 28, 1), 1, 3),  # conv1 is a band
        (Mixed(), (2, 16, 16, 12), 3, 5),  # the depthwise layer is none
    ],
)
def test_every_convolution_is_canonical(model, shape, forward, backward):
    text = looped_text(model, shape)
    forms = re.findall(r"convolution\(.*?dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text)
    assert len(forms) == text.count("stablehlo.convolution") >= forward + backward
    assert set(forms) == {FORM}
    assert "select_and_scatter" not in text
    assert "batch_group_count = 1" in text
    assert not re.search(r"batch_group_count = ([02-9]|1\d)", text)


def test_the_stock_convolution_is_what_the_test_finds():
    text = looped_text(StockNet(), (2, 8, 8, 1))
    forms = re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text)
    assert set(forms) != {FORM}
    assert "select_and_scatter" in text


def test_over_three_axes_it_is_one_over_two():
    text = looped_text(VoxelNet(4, features=(10, 9), hidden=8), (2, 8, 8, 8, 3))
    forms = re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text)
    assert len(forms) >= 5
    assert set(forms) == {FORM}


class StockNet(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        x = nn.max_pool(nn.Conv(3, (3, 3), name="conv1")(x), (2, 2), (2, 2))
        return nn.Conv(3, (3, 3), name="conv2")(x).mean((1, 2))


@pytest.mark.parametrize(
    ("channels", "window", "band"), [(4, 5, True), (5, 5, False), (4, 6, False)]
)
def test_few_channels_are_products_with_a_band(channels, window, band):
    x, kernel = jnp.zeros((1, 9, 9, channels)), jnp.zeros((window, window, channels, 16))
    text = jax.jit(lambda x, k: jax.vjp(conv, x, k)[0]).lower(x, kernel).as_text()
    assert ("convolution" not in text) == ("dot_general" in text) == band


@pytest.mark.parametrize(("channels", "band"), [(8, True), (9, False)])
def test_the_gradient_to_few_channels_is_a_product(channels, band):
    x, kernel = jnp.zeros((1, 9, 9, channels)), jnp.zeros((3, 3, channels, 16))
    text = jax.jit(jax.grad(lambda x: conv(x, kernel).sum())).lower(x).as_text()
    assert ("dot_general" in text) == band
