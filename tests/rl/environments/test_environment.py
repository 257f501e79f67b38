"""Gymnasium judges every step: recorded transitions and fresh ones from states set by hand."""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ks_2samp

from jaxdl.rl.environments.acrobot import Acrobot
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.environment import Box
from jaxdl.rl.environments.mountain_car import MountainCar
from jaxdl.rl.environments.pendulum import Pendulum

RECORDED = Path(os.environ.get("JAXDL_DATA_DIR", "missing")) / "rl_reference" / "cartpole.npz"


def steps(environment, states, actions):
    """(next states, rewards, terminated, observations) of one step from each state."""

    @jax.jit
    def program(states, actions):
        step = jax.vmap(lambda s, a: environment.step(jax.random.key(0), s, a))
        after, reward, terminated = step(states, actions)
        return after, reward, terminated, jax.vmap(environment.observe)(after)

    return jax.device_get(program(jnp.asarray(states), jnp.asarray(actions)))


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded transitions are not at hand")
def test_cartpole_makes_the_recorded_transitions():
    with np.load(RECORDED) as file:
        data = dict(file)
    after, reward, terminated, _ = steps(CartPole(), np.float32(data["state"]), data["action"])
    np.testing.assert_allclose(after, data["next_state"], rtol=1e-6, atol=1e-6)
    inside = ~(np.abs(data["state"][:, 0]) > 2.4) & ~(np.abs(data["state"][:, 2]) > 0.2094395)
    np.testing.assert_array_equal(terminated, data["terminated"])
    np.testing.assert_array_equal(reward[inside], data["reward"][inside])
    for k in range(6):
        states, actions = data[f"episode{k}_state"], data[f"episode{k}_action"]
        after, _, terminated, _ = steps(CartPole(), states[:-1], actions)
        np.testing.assert_allclose(after, states[1:], rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(terminated, data[f"episode{k}_terminated"])
        truncated = data[f"episode{k}_truncated"]
        assert truncated.any() == (len(truncated) == CartPole.time_limit)


SPREAD = {  # from how far out the states are drawn
    CartPole: [2.6, 3, 0.25, 3],
    Acrobot: [3.1, 3.1, 12, 28],
    MountainCar: [0.9, 0.07],
    Pendulum: [7, 8],
}


@pytest.mark.parametrize("kind", SPREAD, ids=lambda kind: kind.name)
def test_fresh_transitions_are_gymnasiums(kind):
    gymnasium = pytest.importorskip("gymnasium")
    environment, rng = kind(), np.random.default_rng(0)
    theirs = gymnasium.make(environment.gymnasium)
    assert theirs.spec.max_episode_steps == environment.time_limit
    states = np.float32(rng.uniform(-1, 1, (300, len(SPREAD[kind]))) * SPREAD[kind])
    states[:, 0] -= 0.3 * (kind is MountainCar)
    if isinstance(environment.actions, Box):
        actions = np.float32(rng.uniform(-2.5, 2.5, (300, 1)))
        assert theirs.action_space.high[0] == environment.actions.high
    else:
        actions = rng.integers(environment.actions.count, size=300)
        assert theirs.action_space.n == environment.actions.count
    _, _, _, single = steps(environment, states, actions)
    with jax.enable_x64(True):
        _, reward, terminated, observation = steps(environment, np.float64(states), actions)
    inner: Any = theirs.unwrapped
    loose = 1e-3 if kind is Acrobot else 1e-5
    for i, action in enumerate(actions):
        inner.reset(seed=0)
        inner.state = np.float64(states[i])
        want = inner.step(action)
        np.testing.assert_allclose(observation[i], want[0], rtol=1e-6, atol=1e-6)
        # In float32, products of the Acrobot's speeds of up to 28 cancel.
        np.testing.assert_allclose(single[i], want[0], rtol=1e-5, atol=loose)
        assert reward[i] == pytest.approx(want[1], rel=1e-6, abs=1e-6)
        assert terminated[i] == want[2]
    assert terminated.any() == (kind is not Pendulum)


@pytest.mark.parametrize("kind", SPREAD, ids=lambda kind: kind.name)
def test_first_states_are_spread_as_gymnasiums(kind):
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make(kind.gymnasium)
    want = np.array([theirs.reset(seed=i)[0] for i in range(500)])
    keys = jax.random.split(jax.random.key(0), 500)
    got = np.asarray(jax.vmap(lambda k: kind().observe(kind().reset(k)))(keys))
    for column in range(want.shape[1]):  # Kolmogorov and Smirnov
        assert ks_2samp(got[:, column], want[:, column]).pvalue > 1e-3


@pytest.mark.parametrize("kind", SPREAD, ids=lambda kind: kind.name)
def test_a_state_is_drawn_where_it_is(kind):
    state = np.array(kind().reset(jax.random.key(0)))
    moved = state + 0.2
    first, second = kind().draw(state), kind().draw(moved)
    assert first.dtype == np.uint8
    assert first.shape[1:] == (240, 3)
    assert (first != second).any()
