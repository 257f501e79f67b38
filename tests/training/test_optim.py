"""Update rules against torch.optim, schedules against their formulas."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.checks import UsageError
from jaxdl.training.optim import SCHEDULES, OptimConfig, make_optimiser, schedule_shape

START = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
TARGET = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)


def ours(cfg, steps=50):
    tx = make_optimiser(cfg, steps)
    params = {"w": jnp.asarray(START)}
    state = tx.init(params)
    grad = jax.grad(lambda p: jnp.sum((p["w"] - TARGET) ** 4))

    @jax.jit
    def step(params, state):
        updates, state = tx.update(grad(params), state, params)
        return optax.apply_updates(params, updates), state

    for _ in range(steps):
        params, state = step(params, state)
    return params["w"]


def theirs(make, steps=50):
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.tensor(START))
    optimiser = make(torch.optim, [w])
    for _ in range(steps):
        optimiser.zero_grad()
        ((w - torch.tensor(TARGET)) ** 4).sum().backward()
        optimiser.step()
    return w.detach().numpy()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "options", "make"),
    [
        ("sgd", {"lr": 0.01}, lambda o, p, wd: o.SGD(p, 0.01, weight_decay=wd)),
        (
            "momentum",
            {"lr": 0.01, "momentum": 0.5},
            lambda o, p, wd: o.SGD(p, 0.01, momentum=0.5, weight_decay=wd),
        ),
        (
            "nesterov",
            {"lr": 0.01, "momentum": 0.9},
            lambda o, p, wd: o.SGD(p, 0.01, momentum=0.9, nesterov=True, weight_decay=wd),
        ),
        (
            "adam",
            {"lr": 0.03, "b1": 0.8, "b2": 0.9},
            lambda o, p, wd: o.Adam(p, 0.03, betas=(0.8, 0.9), weight_decay=wd),
        ),
        # Not b2 = .999: optax takes 1 - b2**t in float32, torch in float64.
        (
            "adamw",
            {"lr": 0.03, "b2": 0.9},
            lambda o, p, wd: o.AdamW(p, 0.03, betas=(0.9, 0.9), weight_decay=wd),
        ),
    ],
)
def test_fifty_updates_are_those_of_torch(name, options, make, decay):
    got = ours(OptimConfig(name=name, weight_decay=decay, **options))
    want = theirs(lambda optim, params: make(optim, params, decay))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_clipping_is_by_the_global_norm():
    torch = pytest.importorskip("torch")
    w = torch.nn.Parameter(torch.tensor(START))
    ((w - torch.tensor(TARGET)) ** 4).sum().backward()
    torch.nn.utils.clip_grad_norm_([w], 0.5)
    got = ours(OptimConfig(name="sgd", lr=1.0, clip_norm=0.5), steps=1)
    np.testing.assert_allclose(got, START - w.grad.numpy(), atol=1e-5)


def test_biases_do_not_decay():
    tx = make_optimiser(OptimConfig(name="sgd", lr=1.0, weight_decay=0.5), 10)
    params = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    updates, _ = tx.update(jax.tree.map(jnp.zeros_like, params), tx.init(params), params)
    np.testing.assert_allclose(updates["kernel"], -0.5)
    np.testing.assert_allclose(updates["bias"], 0.0)


FORMULAS = {
    "constant": lambda s, t: 1.0,
    "cosine": lambda s, t: 0.5 * (1 + math.cos(math.pi * s / t)),
    "linear": lambda s, t: 1 - s / t,
    "inverse_sqrt": lambda s, t: 1 / math.sqrt(s + 1),
    "step": lambda s, t: 0.1 ** sum(s >= m * t for m in (0.3, 0.6, 0.9)),
}


@pytest.mark.parametrize("warmup", [0, 20])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_their_formulas(name, warmup):
    steps = 100 + warmup
    shape = schedule_shape(OptimConfig(schedule=name, warmup=warmup), steps)
    got = [float(shape(jnp.int32(t))) for t in range(0, steps, 7)]
    want = [
        (t + 1) / warmup if t < warmup else FORMULAS[name](t - warmup, 100)
        for t in range(0, steps, 7)
    ]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)


def test_milestones_are_an_option():
    shape = schedule_shape(OptimConfig(schedule="step", milestones=(0.5,)), 100)
    assert float(shape(jnp.int32(49))) == 1
    assert float(shape(jnp.int32(50))) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "optim.lr must be >= 0, got -1.0"),
        ({"name": "adamm"}, "optim.name must be one of .*adam.*'adamm'"),
        ({"schedule": "cos"}, "optim.schedule must be one of .*cosine"),
        ({"momentum": 1.5}, "optim.momentum must lie in"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises((UsageError, ValueError), match=message):
        OptimConfig(**options)
