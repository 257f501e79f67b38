"""Update rules against torch.optim, against optax, and against the rules of the books in loops."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optim.config import SGD, OptimConfig
from jaxdl.optim.optimizer import make_optimizer

START = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
TARGET = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def gradient_descent(tx, steps=50):
    params = {"w": jnp.asarray(START)}
    grad = jax.grad(lambda p: jnp.sum((p["w"] - TARGET) ** 4))

    @jax.jit
    def run(params):
        def one(_, carry):
            params, state = carry
            updates, state = tx.update(grad(params), state, params)
            return optax.apply_updates(params, updates), state

        return jax.lax.fori_loop(0, steps, one, (params, tx.init(params)))[0]["w"]

    return run(params)


def ours(steps=50, name="adam", **options):
    return gradient_descent(make_optimizer(OptimConfig.choose(name)(**options), steps), steps)


def theirs(make, steps=50):
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.tensor(START))
    optimizer = make(torch.optim, [w])
    for _ in range(steps):
        optimizer.zero_grad()
        ((w - torch.tensor(TARGET)) ** 4).sum().backward()
        optimizer.step()
    return w.detach().numpy()


TORCH = {
    "sgd": ({"lr": 0.01}, lambda o, p, **k: o.SGD(p, 0.01, **k)),
    "momentum": ({"lr": 0.01, "momentum": 0.5}, lambda o, p, **k: o.SGD(p, 0.01, 0.5, **k)),
    "nesterov": ({"lr": 0.01}, lambda o, p, **k: o.SGD(p, 0.01, 0.9, nesterov=True, **k)),
    "adagrad": ({"lr": 0.1}, lambda o, p, **k: o.Adagrad(p, 0.1, **k)),
    "rmsprop": ({"lr": 0.01}, lambda o, p, **k: o.RMSprop(p, 0.01, **k)),
    "adam": ({"lr": 0.03}, lambda o, p, **k: o.Adam(p, 0.03, **k)),
    "adamw": ({"lr": 0.03}, lambda o, p, **k: o.AdamW(p, 0.03, **k)),
}
# Each option at a second value: (ours, torch's)
OPTIONS = {
    "adagrad": (
        {"adagrad_init": 0.1, "eps": 1e-3},
        {"initial_accumulator_value": 0.1, "eps": 1e-3},
    ),
    "rmsprop": (
        {"centered": True, "rmsprop_momentum": 0.8, "rmsprop_decay": 0.9, "eps": 0.1},
        {"centered": True, "momentum": 0.8, "alpha": 0.9, "eps": 0.1},
    ),
    "adam": ({"b1": 0.8, "b2": 0.9, "eps": 0.1}, {"betas": (0.8, 0.9), "eps": 0.1}),
    "adamw": ({"b1": 0.0, "b2": 0.99, "weight_decay": 0.01}, {"betas": (0.0, 0.99)}),
}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", TORCH)
def test_fifty_updates_are_those_of_torch(name, decay):
    options, make = TORCH[name]
    got = ours(name=name, weight_decay=decay, **options)
    want = theirs(lambda optim, params: make(optim, params, weight_decay=decay))
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("name", OPTIONS)
def test_their_options_are_those_of_torch(name):
    options, make = TORCH[name]
    got = ours(name=name, **options, **OPTIONS[name][0])
    want = theirs(lambda optim, params: make(optim, params, **OPTIONS[name][1]))
    np.testing.assert_allclose(got, want, atol=2e-6)


@pytest.mark.parametrize(
    ("options", "tx"),
    [
        ({"name": "adagrad", "adagrad_init": 0.1, "eps": 1e-7, "eps_in_root": True},
         optax.adagrad(0.1)),
        ({"name": "rmsprop", "rmsprop_decay": 0.9, "eps_in_root": True}, optax.rmsprop(0.1)),
        ({"name": "rmsprop", "rmsprop_decay": 0.9, "centered": True, "eps": 1e-3,
          "eps_in_root": True},
         optax.rmsprop(0.1, eps=1e-3, centered=True)),
        ({"name": "adam", "b2": 0.9, "eps": 1e-3, "eps_in_root": True},
         optax.adam(0.1, b2=0.9, eps=0, eps_root=1e-3)),
    ],
)  # fmt: skip
def test_optax_has_its_own_forms(options, tx):
    got = ours(lr=0.1, **options)
    np.testing.assert_allclose(got, gradient_descent(tx), atol=2e-6)
    off = {name: 0 for name in ("eps_in_root", "adagrad_init") if name in options}
    plain = ours(lr=0.1, **{**options, **off})
    assert np.abs(plain - got).max() > 1e-6


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_decoupled_decay_is_past_the_rule(name):
    got = ours(name=name, lr=0.01, weight_decay=0.5, decoupled=True)
    want, w, v, s = START.astype(np.float64), START.astype(np.float64), 0.0, 0.0
    for t in range(1, 51):
        g = 4 * (w - TARGET.astype(np.float64)) ** 3
        v = {"sgd": 0.0, "momentum": 0.9, "adam": 0.9}[name] * v + g * (
            0.1 if name == "adam" else 1
        )
        s = 0.999 * s + 0.001 * g * g
        step = v / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8) if name == "adam" else v
        w = w - 0.01 * step - 0.01 * 0.5 * w
        want = w
    np.testing.assert_allclose(got, want, atol=1e-6)
    coupled = ours(name=name, lr=0.01, weight_decay=0.5)
    assert np.allclose(coupled, got, atol=1e-5) == (name == "sgd")


def books_rule(name, rate, rho):
    """x after 50 updates by the rule as lecture notes print it, in float64; epsilon is 1e-7."""
    x, v, s, m = START.astype(np.float64), 0.0, 0.0, 0.0
    for t in range(1, 51):
        g = 4 * (x - TARGET.astype(np.float64)) ** 3
        if name == "momentum":
            v = rho * v + g
            x = x - rate * v
        elif name == "nesterov":  # x is x~ = x + rho v
            old, v = v, rho * v - rate * g
            x = x - rho * old + (1 + rho) * v
        elif name == "adagrad":
            s = s + g * g
            x = x - rate * g / (np.sqrt(s) + 1e-7)
        elif name == "rmsprop":
            s = rho * s + (1 - rho) * g * g
            x = x - rate * g / (np.sqrt(s) + 1e-7)
        else:
            m, s = rho * m + (1 - rho) * g, 0.999 * s + 0.001 * g * g
            x = x - rate * (m / (1 - rho**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-7)
    return x


@pytest.mark.parametrize("rho", [0.9, 0.99])
@pytest.mark.parametrize("name", ["momentum", "nesterov", "adagrad", "rmsprop", "adam"])
def test_the_rules_of_the_books(name, rho):
    rate = {"momentum": 2e-3, "nesterov": 2e-3}.get(name, 0.05)
    options = {
        "momentum": {"momentum": rho},
        "nesterov": {"momentum": rho},
        "adagrad": {"eps": 1e-7},
        "rmsprop": {"rmsprop_decay": rho, "eps": 1e-7},
        "adam": {"b1": rho, "eps": 1e-7},
    }[name]
    got = ours(name=name, lr=rate, **options)
    np.testing.assert_allclose(got, books_rule(name, rate, rho), atol=2e-6)


def once(params, grads, **options):
    tx = make_optimizer(SGD(lr=1.0, **options), 10)
    return tx.update(grads, tx.init(params), params)[0]


def test_clipping_is_that_of_torch():
    torch = pytest.importorskip("torch")
    grads = {"w": jnp.asarray(START)}
    for most in (0.5, 2.0):
        w = torch.nn.Parameter(torch.zeros(3, 4))
        w.grad = torch.tensor(START)
        torch.nn.utils.clip_grad_norm_([w], most)
        np.testing.assert_allclose(-once(grads, grads, clip_norm=most)["w"], w.grad, atol=1e-6)
        w.grad = torch.tensor(START)
        torch.nn.utils.clip_grad_value_([w], most)
        np.testing.assert_allclose(-once(grads, grads, clip_value=most)["w"], w.grad, atol=1e-6)


PARAMS = {"conv": {"kernel": jnp.full((2, 2), -2.0), "bias": jnp.full(2, 3.0)},
          "head": {"kernel": jnp.full((2, 2), 3.0), "bias": jnp.full(2, 3.0)}}  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ((), ["conv/kernel", "head/kernel"]),
        (("*",), ["conv/kernel", "conv/bias", "head/kernel", "head/bias"]),
        (("*kernel", "!head/*"), ["conv/kernel"]),
        (("head/*",), ["head/kernel", "head/bias"]),
    ],
)
def test_decay_acts_on_what_the_paths_say(patterns, kept):
    still = jax.tree.map(jnp.zeros_like, PARAMS)
    l2 = once(PARAMS, still, weight_decay=0.5, decay_paths=patterns)
    l1 = once(PARAMS, still, l1=0.25, decay_paths=patterns)
    for path in ("conv/kernel", "conv/bias", "head/kernel", "head/bias"):
        layer, name = path.split("/")
        p = PARAMS[layer][name]
        yes = path in kept
        np.testing.assert_allclose(l2[layer][name], -0.5 * p * yes)
        np.testing.assert_allclose(l1[layer][name], -0.25 * np.sign(p) * yes)


def test_a_pattern_that_fits_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"optim.decay_paths: no parameter fits 'haed/\*'.*head/"):
        once(PARAMS, PARAMS, weight_decay=0.5, decay_paths=("haed/*",))


@pytest.mark.parametrize("most", [1.0, 3.0])
def test_max_norm_scales_long_columns_back(most):
    kernel = np.random.default_rng(2).normal(size=(3, 3, 2, 5)).astype(np.float32)
    kernel[..., 0] *= 0.1
    params = {"kernel": jnp.asarray(kernel), "bias": jnp.full(5, 9.0)}
    grads = {"kernel": jnp.full(kernel.shape, 0.1), "bias": jnp.ones(5)}
    new = optax.apply_updates(params, once(params, grads, max_norm=most))
    stepped = kernel.astype(np.float64) - 0.1
    for unit in range(5):
        norm = np.sqrt((stepped[..., unit] ** 2).sum())
        want = stepped[..., unit] * min(1, most / norm)
        np.testing.assert_allclose(new["kernel"][..., unit], want, atol=1e-6)
    np.testing.assert_allclose(new["bias"], 8.0)
