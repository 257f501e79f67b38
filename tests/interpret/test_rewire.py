"""The rules of ReLUs against the papers' tables; every ReLU of every model of the zoo is met."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.interpret.network import Network, gradient
from jaxdl.interpret.rewire import count_relus, evaluate
from tests.interpret.tiny_nets import Cubic, network_of, pictures

X = jnp.array([-1.0, 2.0, 7.0, -1.0, 2.0, 7.0])
UPSTREAM = jnp.array([3.0, 3.0, 3.0, -3.0, -3.0, -3.0])


def grad_of(fn, relu):
    """The gradient at X from UPSTREAM, under a rule."""

    def changed(x):
        closed = jax.make_jaxpr(fn)(x)
        return evaluate(closed.jaxpr, closed.consts, [x], relu=relu)[0]

    np.testing.assert_allclose(changed(X), fn(X), rtol=1e-6)  # values stay
    return jax.vjp(changed, X)[1](UPSTREAM)[0]


@pytest.mark.parametrize(
    ("fn", "relu", "want"),
    [
        (jax.nn.relu, None, [0, 3, 3, 0, -3, -3]),
        (jax.nn.relu, "guided", [0, 3, 3, 0, 0, 0]),
        (jax.nn.relu, "deconvnet", [3, 3, 3, 0, 0, 0]),
        (nn.relu6, None, [0, 3, 0, 0, -3, 0]),
        (nn.relu6, "guided", [0, 3, 0, 0, 0, 0]),
        (nn.relu6, "deconvnet", [3, 3, 3, 0, 0, 0]),
        (jax.jit(lambda x: nn.relu(x)), "guided", [0, 3, 3, 0, 0, 0]),
        (jax.checkpoint(lambda x: nn.relu(x)), "deconvnet", [3, 3, 3, 0, 0, 0]),
    ],
)
def test_the_gradient_that_a_relu_passes(fn, relu, want):
    np.testing.assert_array_equal(grad_of(fn, relu), want)


@pytest.mark.parametrize("fn", [jax.nn.hard_swish, jax.nn.silu, jax.nn.gelu, jnp.tanh])
def test_other_activations_keep_their_gradient(fn):
    np.testing.assert_allclose(grad_of(fn, "guided"), grad_of(fn, None), rtol=1e-6)


def test_a_relu_in_a_loop_is_refused_and_not_left_as_it_is():
    def loop(x):
        return jax.lax.scan(lambda c, _: (nn.relu(c), None), x, length=2)[0]

    with pytest.raises(ValueError, match="guided: this network has a ReLU inside of `scan`"):
        grad_of(loop, "guided")


def test_a_network_without_relus_is_refused():
    x = pictures()
    with pytest.raises(ValueError, match="guided: Cubic has no ReLU"):
        gradient(network_of(Cubic(), x).replace(relu="guided"), x, 0)


def relus_of(model, side=64):
    """(ReLUs of the model, those that are left when each is changed)."""
    x = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    init = jax.eval_shape(lambda k, x: model.init(k, x, train=False), jax.random.key(0), x)
    counts = []
    for relu in (None, "guided"):

        def stages(variables, x, relu=relu):
            return Network(variables, model, relu)(x)

        counts.append(count_relus(jax.make_jaxpr(stages)(init, x).jaxpr))
    return tuple(counts)


# By hand from the papers' tables: AlexNet 5 + 2, VGG-11 8 + 2, ResNet-18 1 + 8 * 2, SqueezeNet
# 1 + 8 * 3 + 1, MobileNet v2 1 + 17 * 2 - 1 + 1.
RELUS = {
    "alexnet": 7,
    "vgg11": 10,
    "resnet18": 17,
    "squeezenet1_1": 26,
    "mobilenet_v2": 35,
}


@pytest.mark.parametrize("name", RELUS)
def test_every_relu_of_a_model_is_met(name):
    from jaxdl.models.named import make_model

    assert relus_of(make_model(name, 10)) == (RELUS[name], 0)
