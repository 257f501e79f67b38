"""Dynamic programming judges what is learned; the book's cliff tells on- from off-policy."""

from functools import partial

import jax
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.rl.environments.grid_worlds import CliffWalking, FrozenLake, GridWorld
from jaxdl.rl.tabular.dynamic_programming import action_values, policy_iteration, value_iteration
from jaxdl.rl.tabular.learning import RULES, TabularConfig, learn_table


@pytest.fixture(scope="module")
def tables():
    cfg = TabularConfig(discount=0.9, steps=20_000, epsilon=0.3)
    return {
        rule: jax.device_get(
            jax.jit(partial(learn_table, GridWorld(), cfg, rule))(jax.random.key(0))
        )
        for rule in RULES
    }


def best(discount=0.9):
    mdp = GridWorld().mdp
    return action_values(mdp, value_iteration(mdp, discount=discount).values, discount=discount)


def soft(discount=0.9, epsilon=0.3):
    """Q of the best epsilon-greedy policy: value iteration on the process that it acts in."""
    mdp = GridWorld().mdp
    mixed = (1 - epsilon) * np.eye(4) + epsilon / 4
    noisy = mdp._replace(
        transition=np.einsum("ab,sbt->sat", mixed, mdp.transition), reward=mdp.reward * 1.0
    )
    noisy = noisy._replace(reward=np.where(mdp.terminal[:, None, None], 0, -1.0) + 0 * mdp.reward)
    return action_values(mdp, value_iteration(noisy, discount=discount).values, discount=discount)


@pytest.mark.parametrize(
    ("rule", "want", "atol"),
    [("q_learning", best(), 0.02), ("sarsa", soft(), 0.3), ("monte_carlo", soft(), 0.3)],
)
def test_a_table_is_that_of_the_policy_it_judges(tables, rule, want, atol):
    alive = ~GridWorld().mdp.terminal
    got = tables[rule]
    assert got.visits[alive].min() > 50
    assert got.visits[~alive].sum() == 0
    np.testing.assert_allclose(got.q[alive].max(axis=1), want[alive].max(axis=1), atol=atol)
    assert (
        want[alive][np.arange(14), got.q[alive].argmax(axis=1)] > best()[alive].max(1) - 2
    ).all()


def test_returns_are_those_of_the_episodes(tables):
    q = tables["q_learning"]
    assert q.returns[q.ended].max() == -1
    assert q.ended.sum() > 3000
    assert (q.returns[~q.ended] == 0).all()
    assert q.returns[q.ended][-300:].mean() > q.returns[q.ended][:20].mean()


def test_the_cliff_of_the_book():
    """Example 6.6: Q-learning learns the edge, 13 steps; SARSA goes around, and falls less."""
    cfg = TabularConfig(discount=1.0, steps=20_000, epsilon=0.1, step_size=0.5)
    learn = jax.jit(
        lambda rule, keys: jax.vmap(partial(learn_table, CliffWalking(), cfg, rule))(keys),
        static_argnums=0,
    )
    keys = jax.random.split(jax.random.key(0), 4)
    got = {rule: jax.device_get(learn(rule, keys)) for rule in ("q_learning", "sarsa")}
    online = {
        rule: np.mean(out.returns[:, 10_000:][out.ended[:, 10_000:]]) for rule, out in got.items()
    }
    assert online["sarsa"] > online["q_learning"] + 10
    assert got["q_learning"].q[:, 36].max(axis=1) == pytest.approx(-13, abs=0.5)
    assert (got["q_learning"].q[:, 24:35].argmax(axis=2) == 1).mean() > 0.9  # right, along the edge
    path = policy_iteration(CliffWalking().mdp, discount=0.999).values[36]
    assert path == pytest.approx(-13, abs=0.2)


def test_options_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="tabular.epsilon must lie in"):
        TabularConfig(epsilon=1.5)
    with pytest.raises(UsageError, match="rule must be one of monte_carlo"):
        learn_table(FrozenLake(), TabularConfig(), "td", jax.random.key(0))
