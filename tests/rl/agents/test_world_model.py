"""A float64 loop goes through the same network: next states, what plans are worth, the loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss, r2_score

from jaxdl.rl.agents.world_model import WorldModel, model_loss, plan_values, relative_error
from jaxdl.rl.environments.environment import Box, Discrete
from jaxdl.rl.replay import Experience

RNG = np.random.default_rng(0)
SCALE = (1.0, 2.0, 0.5)
KINDS = {"discrete": Discrete(3), "box": Box(2, -2.0, 2.0)}


def actions(kind, shape):
    if kind == "discrete":
        return RNG.integers(3, size=shape).astype(np.int32)
    return RNG.uniform(-2, 2, (*shape, 2)).astype(np.float32)


def made(kind):
    """A network, its parameters and the same in NumPy."""
    network = WorldModel(KINDS[kind], (5, 4), SCALE)
    params = network.init(jax.random.key(0), jnp.zeros((1, 3)), actions(kind, (1,)))["params"]
    params = jax.tree.map(lambda x: x + 0.3 * RNG.normal(size=x.shape).astype(np.float32), params)
    layers = jax.tree.map(np.float64, jax.device_get(params))

    def step(seen, action):
        code = np.eye(3)[action] if kind == "discrete" else np.float64(action) / 2
        x = np.concatenate([seen / np.array(SCALE), code])
        for name in ("dense1", "dense2"):
            layer = layers["torso"][name]
            x = x @ layer["kernel"] + layer["bias"]
            x = x / (1 + np.exp(-x))
        out = x @ layers["head"]["kernel"] + layers["head"]["bias"]
        return seen + out[:3], out[3], 1 / (1 + np.exp(-out[4]))

    return network, params, step


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_worth_what_it_meets_alive(kind):
    network, params, step = made(kind)
    start, plans = RNG.normal(size=3), actions(kind, (6, 4))
    want = []
    for plan in plans:
        seen, alive, total = start, 1.0, 0.0
        for action in plan:
            seen, reward, ends = step(seen, action)
            total += alive * reward
            alive *= 0.9 * (1 - ends)
        want.append(total)
    got = plan_values(network, params, jnp.float32(start), jnp.asarray(plans), discount=0.9)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    assert np.std(want) > 0.01


def test_the_loss_is_unexplained_variance_and_log_loss():
    network, params, step = made("discrete")
    seen, after = RNG.normal(size=(2, 40, 3)).astype(np.float32)
    seen[:, 1] = after[:, 1] - 0.5  # a change that is always the same
    taken, ended = actions("discrete", (40,)), RNG.random(40) < 0.3
    reward = RNG.normal(size=40).astype(np.float32)
    rows = Experience(*map(jnp.asarray, (seen, taken, reward, after, ended)))
    said = [step(np.float64(s), a) for s, a in zip(seen, taken, strict=True)]
    change, gave, chance = (np.array(part) for part in zip(*said, strict=True))
    change = change - seen

    def unexplained(got, want):
        square = np.mean(np.square(want))
        return np.mean((got - want) ** 2) / (np.var(want) + 0.01 * square + 1e-6)

    truth = np.float64(after) - seen
    want = np.mean([unexplained(change[:, i], truth[:, i]) for i in range(3)])
    want += unexplained(gave, np.float64(reward)) + log_loss(ended, chance)
    assert float(model_loss(network, params, rows)) == pytest.approx(want, rel=1e-4)


def test_the_relative_error_is_one_less_the_coefficient_of_determination():
    want = RNG.normal(size=(500, 2))
    got = want + 0.3 * RNG.normal(size=(500, 2))
    r2 = r2_score(want, got, multioutput="raw_values")
    np.testing.assert_allclose(relative_error(jnp.array(got), jnp.array(want)), 1 - r2, rtol=0.03)
