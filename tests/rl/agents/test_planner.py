"""A model whose best action is known; a learned one is better on steps that it never saw."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.optim.config import Adam
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.cross_entropy import SearchConfig
from jaxdl.rl.agents.planner import PlannerConfig, first_planner, make_planner_step, planned
from jaxdl.rl.agents.world_model import WorldModel
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.episodes import random_rollout
from jaxdl.rl.replay import experience

WORLD = CartPole()
SEARCH = SearchConfig(horizon=6, samples=24, elites=4, iterations=2)


class Corridor(nn.Module):
    """A place on a line that each action moves by `step`, down or up; near 0 is good."""

    @nn.compact
    def __call__(self, observation, action):
        step = self.param("step", nn.initializers.ones, ())
        after = observation + step * (2 * action[:, None] - 1)
        return after, -jnp.abs(after[:, 0]), jnp.full(len(action), -20.0)


def test_each_learner_plans_in_its_own_model():
    cfg = PlannerConfig(search=SEARCH)
    place = np.float32([[3.0, 3.0], [-3.0, -3.0], [8.0, -8.0]])[..., None]  # (N, S, 1)
    params = {"step": np.float32([1.0, -1.0])}  # in the second model actions are swapped
    keys = jax.random.split(jax.random.key(0), (3, 2))
    got = jax.jit(planned(Corridor(), WORLD, cfg, params))(place, keys)
    np.testing.assert_array_equal(got, [[0, 1], [1, 0], [0, 0]])


@pytest.fixture(scope="module")
def steps():
    """States of two learners before and after 120 steps, of which 20 act at random."""
    cfg = PlannerConfig(environments=2, updates=2, batch=64, replay=150, warmup=20, search=SEARCH)
    network = WorldModel(WORLD.actions, (16,), WORLD.scale)
    tx = make_optimizer(Adam(lr=3e-3), 240)
    first = jax.jit(first_planner(network, tx, WORLD, cfg), static_argnums=1)(jax.random.key(0), 2)
    step = make_planner_step(network, tx, WORLD, cfg, ema=0.5, axis_name=None)
    run = jax.jit(lambda s, n: jax.lax.fori_loop(0, n, lambda _, s: step(s, {})[0], s))
    first = first.start_averages()
    warm = run(first, 20)
    return network, first, warm, run(warm, 100)


def test_nothing_is_learned_in_the_warmup(steps):
    _, first, warm, last = steps
    jax.tree.map(np.testing.assert_array_equal, first.params, warm.params)
    taken = np.asarray(warm.local["replay"].rows.action)[..., :20]
    assert 0.25 < taken.mean() < 0.75
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), last.params, last.ema)
    assert min(jax.tree.leaves(moved)) > 0


def test_the_error_on_other_steps_falls(steps):
    network, first, _, last = steps
    rollout = partial(random_rollout, WORLD, count=8, steps=25)
    rows = experience(jax.jit(rollout)(jax.random.key(9))[1])
    seen, action, after = (np.asarray(x).reshape(200, -1) for x in (rows[0], rows[1], rows[3]))

    def unexplained(params):
        got = network.apply({"params": params}, seen, action[:, 0])[0]
        return (np.square(got - after).mean(0) / (after - seen).var(0)).mean()

    for learner in (0, 1):
        before, now = (
            unexplained(jax.tree.map(lambda x: x[learner], s.params))  # noqa: B023
            for s in (first, last)
        )
        assert now < 0.2 < before, (now, before)
