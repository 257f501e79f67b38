"""The rules of ReLUs against the papers' tables; every ReLU of every model of the zoo is met."""

import dataclasses

import flax.linen as nn
import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, gradient
from jaxdl.interpret.rewire import evaluate
from jaxdl.models.named import load_model
from jaxdl.models.registry import create_model, list_models, model_options
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


# By hand from the papers' tables: AlexNet 5 + 2, VGG-11 8 + 2, ResNet-18 1 + 8 * 2, SqueezeNet
# 1 + 8 * 3 + 1, MobileNet v2 1 + 17 * 2 - 1 + 1.
RELUS = {
    "alexnet": 7,
    "vgg11": 10,
    "resnet18": 17,
    "squeezenet1_1": 26,
    "mobilenet_v2": 35,
}
# Linear between its pools; tanh; GELU.
NONE = {"cifar_convnet", "lenet_1998", "signal_head", "speed_convnet"} | {
    name for name in list_models() if name.startswith(("vit_", "cifar_vit", "convnext_", "swin_"))
}


def rules_of(model):
    """The ReLUs of a guided model, by how they pass gradients; nothing is computed."""
    x = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    init = jax.eval_shape(lambda k, x: model.init(k, x, train=False), jax.random.key(0), x)
    return list(rules_in(jax.make_jaxpr(lambda v, x: Network(v, model, "guided")(x))(init, x)))


def rules_in(jaxpr, live=None):
    """ "guided" for each ReLU that is changed, "plain" for each that is not, however written.

    `live`: which inputs depend on the picture or a weight, as the numbers that resize do not.
    """
    flags = [True] * len(jaxpr.invars) if live is None else live
    reached = {var for var, flag in zip(jaxpr.invars, flags, strict=True) if flag}
    for eqn in jaxpr.eqns:
        given = [not isinstance(var, jex.Literal) and var in reached for var in eqn.invars]
        if not any(given):
            continue
        reached.update(eqn.outvars)
        inner = [getattr(one, "jaxpr", one) for one in jex.jaxprs_in_params(eqn.params)]
        first = inner[0].eqns[0] if inner and inner[0].eqns else None
        if eqn.primitive.name == "custom_vjp_call" and first.params.get("name") == "clip":
            yield "guided"
        elif eqn.primitive.name == "max" and any(is_zero(var) for var in eqn.invars):
            yield "plain"
        elif eqn.params.get("name") != "hard_sigmoid":  # a gate
            for one in inner:
                yield from rules_in(one, given if len(given) == len(one.invars) else None)


def is_zero(var):
    return isinstance(var, jex.Literal) and np.ndim(var.val) == 0 and var.val == 0


@pytest.mark.parametrize("name", RELUS)
def test_as_many_relus_are_changed_as_the_paper_has(name):
    assert rules_of(create_model(name, 10)) == ["guided"] * RELUS[name]


@pytest.fixture(scope="module")
def thin_rules():
    """name -> the rules in that model with one block in each stage: a deeper one has more of them.

    Models that are written by one class and have the same options are one.
    """
    known = {}

    def rules(name):
        options = dataclasses.asdict(model_options(name)())
        options |= {
            f: (1,) * len(options[f]) for f in ("blocks", "repeats", "depths") & options.keys()
        }
        deep = options.get("depth")
        if isinstance(deep, float) or (deep and "heads" in options):
            options["depth"] = 1
        plain = {"width": 1.0, "dropout": 0.0, "drop_path": 0.0}  # what no ReLU depends on
        options |= {f: v for f, v in plain.items() if isinstance(options.get(f), float)}
        written = next(cls for cls in load_model(name).__mro__ if "__call__" in vars(cls))
        key = written, *((k, v) for k, v in options.items() if k != "name")
        if key not in known:
            known[key] = rules_of(create_model(num_classes=10, **options))
        return known[key]

    return rules


@pytest.mark.parametrize("name", list_models())
def test_every_relu_of_every_model_is_changed(name, thin_rules):
    if name in NONE:
        with pytest.raises(UsageError, match="has no ReLU"):
            thin_rules(name)
    else:
        assert set(thin_rules(name)) == {"guided"}
