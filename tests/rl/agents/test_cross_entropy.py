"""Quadratics, whose best plan is known, and every plan of Gymnasium's CartPole tried out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.rl.agents.cross_entropy import SearchConfig, search
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.environment import Box, Discrete


def test_the_best_of_a_quadratic_is_found_within_the_limits():
    wanted = np.float32([[0.5, -1.5], [3.0, 0.1], [-0.9, -2.5]])  # two lie outside of the box
    weights = np.float32([[1, 4], [2, 1], [0.5, 3]])
    cfg = SearchConfig(horizon=3, samples=200, elites=20, iterations=15)

    def find(key):
        value = lambda plans: -(weights[None] * (plans - wanted[None]) ** 2).sum((1, 2))  # noqa: E731
        return search(value, Box(2, -2.0, 1.0), key, cfg)

    plans = jax.jit(jax.vmap(find))(jax.random.split(jax.random.key(0), 4))
    want = np.broadcast_to(np.clip(wanted, -2, 1), plans.shape)
    np.testing.assert_allclose(plans, want, atol=0.02)


def test_the_one_right_plan_of_a_million_millions_is_found():
    wanted = jnp.array(np.random.default_rng(0).integers(3, size=25))  # 3 ** 25 plans
    cfg = SearchConfig(horizon=25, samples=100, elites=10, iterations=14)

    def find(key):
        value = lambda plans: jnp.float32(plans == wanted[None]).sum(1)  # noqa: E731
        return search(value, Discrete(3), key, cfg)

    plans = jax.jit(jax.vmap(find))(jax.random.split(jax.random.key(0), 4))
    assert (plans == wanted[None]).sum(axis=1).min() >= 24  # of 1,400 random ones the best has 16


HORIZON = 10


def cost(seen):
    """Of a state, at a plan's end."""
    return seen[2] ** 2 + 0.05 * seen[3] ** 2 + 0.02 * (seen[0] - 0.2) ** 2 + 0.01 * seen[1] ** 2


def enumerated(start):
    """The cost of all plans, in Gymnasium's environment: `(2 ** HORIZON,)`."""
    gymnasium = pytest.importorskip("gymnasium")
    game = gymnasium.make("CartPole-v1").unwrapped
    costs = []
    for plan in itertools.product((0, 1), repeat=HORIZON):
        game.reset()
        game.state = tuple(start)
        for action in plan:
            seen = game.step(action)[0].astype(np.float64)
        costs.append(cost(seen))
    return np.array(costs)


@pytest.mark.filterwarnings("ignore:.*You are calling 'step")  # plans go on where the pole fell
def test_in_a_known_model_the_plan_is_among_the_best_of_all():
    world = CartPole()
    cfg = SearchConfig(horizon=HORIZON, samples=100, elites=12, iterations=6)
    starts = np.float32([[0, 0, 0.1, 0.4], [0.3, -0.5, -0.05, -0.3]])

    def find(start, key):
        def end(plan):
            step = lambda s, a: (world.step(jax.random.key(0), s, a)[0], None)  # noqa: E731
            return -cost(jax.lax.scan(step, start, plan)[0])

        return search(jax.vmap(end), Discrete(2), key, cfg)

    each = jax.vmap(jax.vmap(find, (None, 0)), (0, None))
    plans = np.asarray(jax.jit(each)(starts, jax.random.split(jax.random.key(1), 5)))
    for start, tries in zip(starts, plans, strict=True):
        costs = enumerated(start)
        places = tries @ (2 ** np.arange(HORIZON)[::-1])
        lost = (costs[places] - costs.min()) / np.ptp(costs)
        assert lost.max() < 0.005, lost  # a random plan loses 0.4, the tenth of all 0.02
        assert 0 in lost


def test_options_are_checked():
    with pytest.raises(UsageError, match="agent.search.horizon must be at least 1"):
        SearchConfig(horizon=0)
    with pytest.raises(UsageError, match="elites must be fewer than agent.search.samples, 8"):
        SearchConfig(samples=8, elites=8)
