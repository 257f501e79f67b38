"""The MLP against the same stack of torch's layers."""

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.models.mlp import MLP


def params_for(model, x) -> Any:
    return jax.jit(partial(model.init, train=False))(jax.random.key(0), x)["params"]


@pytest.mark.parametrize(("hidden", "act"), [((5,), "relu"), ((5, 4), "tanh"), ((), "sigmoid")])
def test_mlp_is_torchs_stack(hidden, act):
    torch = pytest.importorskip("torch")
    model: Any = MLP(3, hidden=hidden, act=act)
    x = np.random.default_rng(0).normal(size=(2, 2, 3, 1)).astype(np.float32)
    params = params_for(model, x)
    layers = [torch.nn.Flatten()]
    names = [*(f"dense{i + 1}" for i in range(len(hidden))), "head"]
    assert set(params) == set(names)
    for name in names:
        kernel, bias = (torch.tensor(np.array(params[name][k])) for k in ("kernel", "bias"))
        linear = torch.nn.Linear(*kernel.shape)
        linear.load_state_dict({"weight": kernel.T, "bias": bias})
        layers += [linear, getattr(torch, act)]
    want = torch.tensor(x)
    for layer in layers[:-1]:
        want = layer(want)
    got = model.apply({"params": params}, x, train=False)
    np.testing.assert_allclose(got, want.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_dropout_acts_in_training_only_and_keeps_the_mean(rate):
    model: Any = MLP(1, hidden=(2000,), dropout=(rate,))
    x = jnp.ones((1, 4))
    params = params_for(model, x)
    params["dense1"] = {"kernel": jnp.zeros((4, 2000)), "bias": jnp.ones(2000)}
    params["head"] = {"kernel": jnp.ones((2000, 1)), "bias": jnp.zeros(1)}
    assert model.apply({"params": params}, x, train=False)[0, 0] == 2000
    rngs = {"dropout": jax.random.key(1)}
    total = model.apply({"params": params}, x, train=True, rngs=rngs)[0, 0]
    assert abs(total - 2000) > 1  # something was dropped
    kept = total * (1 - rate)  # each kept value counts 1 / (1 - rate)
    assert kept == pytest.approx(round(float(kept)), abs=0.01)
    assert kept == pytest.approx(2000 * (1 - rate), rel=0.06)


def test_each_layer_may_have_its_own_dropout():
    model: Any = MLP(1, hidden=(500, 500), dropout=(0.0, 0.9), act="relu")
    x = jnp.ones((1, 4))
    params = params_for(model, x)
    rngs = {"dropout": jax.random.key(1)}
    out = model.apply({"params": params}, x, train=True, stages=True, rngs=rngs)
    dropped = [float(jnp.mean(out[f"hidden{i}"] == 0)) for i in (1, 2)]
    assert 0.4 < dropped[0] < 0.6  # ReLU's own zeros
    assert dropped[1] > 0.9
    with pytest.raises(ValueError, match="one for each of 2 hidden layers, got 3"):
        MLP(1, hidden=(5, 5), dropout=(0.1, 0.2, 0.3)).init(jax.random.key(0), x, train=False)


def test_the_784_512_256_128_64_10_net_has_its_parameters():
    model = MLP(10, hidden=(512, 256, 128, 64))
    shapes = jax.eval_shape(lambda: params_for(model, jnp.zeros((1, 28, 28, 1))))
    widths = [784, 512, 256, 128, 64, 10]
    want = sum(a * b + b for a, b in pairwise(widths))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == want


@pytest.mark.parametrize(("init", "std"), [("normal", 0.01), ("lecun", 0.05), ("", 0.0707)])
def test_init_reaches_every_kernel(init, std):
    params = params_for(MLP(100, hidden=(400,), weight_init=init), jnp.zeros((1, 400)))
    np.testing.assert_allclose(np.std(params["dense1"]["kernel"]), std, rtol=0.03)
    head = 0.01 if init == "normal" else 0.05
    np.testing.assert_allclose(np.std(params["head"]["kernel"]), head, rtol=0.03)


def test_unknown_activation():
    with pytest.raises(UsageError, match="no 'rely'; did you mean relu"):
        MLP(3, act="rely").init(jax.random.key(0), jnp.zeros((1, 4)), train=False)


@pytest.mark.parametrize(("norm", "act"), [("batch", "maxout"), ("rms", "prelu"), ("", "elu")])
def test_norms_and_activations_by_name(norm, act):
    model: Any = MLP(3, hidden=(6,), norm=norm, act=act)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 5)), jnp.float32)
    variables = jax.jit(partial(model.init, train=False))(jax.random.key(0), x)
    assert ("norm1" in variables["params"]) == bool(norm)
    assert variables["params"]["dense1"]["kernel"].shape == (5, 12 if act == "maxout" else 6)
    out = model.apply(variables, x, train=False, stages=True)
    dense = x @ variables["params"]["dense1"]["kernel"]
    if norm == "batch":  # running mean 0, variance 1
        want = np.maximum(dense[:, ::2], dense[:, 1::2]) / np.sqrt(1 + 1e-5)
    elif norm == "rms":
        dense = dense / np.sqrt((dense**2).mean(1, keepdims=True) + 1e-6)
        want = np.where(dense > 0, dense, 0.25 * dense)
    else:
        want = np.where(dense > 0, dense, np.exp(dense) - 1)
    np.testing.assert_allclose(out["hidden1"], want, atol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_weights_drop_in_training_only(rate):
    model: Any = MLP(3, hidden=(40,), drop_connect=rate)
    x = jnp.ones((1, 5))
    params = params_for(model, x)
    rngs = {"dropout": jax.random.key(1)}
    plain = model.apply({"params": params}, x, train=False)
    again = model.apply({"params": params}, x, train=True, rngs=rngs)
    assert np.allclose(plain, again, atol=1e-4) == (rate == 0)


@pytest.mark.parametrize("drop_connect", [0.0, 0.5])
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_biases_of_hidden_layers_start_where_they_are_told(bias, drop_connect):
    model = MLP(num_classes=2, hidden=(3, 4), bias_init=bias, drop_connect=drop_connect)
    params = model.init(jax.random.key(0), jnp.ones((1, 5)), train=False)["params"]
    starts = [np.asarray(params[name]["bias"]).tolist() for name in ("dense1", "dense2", "head")]
    assert starts == [[np.float32(bias)] * 3, [np.float32(bias)] * 4, [0, 0]]
