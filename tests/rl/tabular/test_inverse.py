"""All paths of a small world, one after the other, give partition function, policy and arrivals;
differences of the dual give its gradient; many demonstrations give the expert back."""

import itertools
import math

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.rl.environments.grid_worlds import (
    CliffWalking,
    FrozenLake,
    GridWorld,
    grid_tables,
)
from jaxdl.rl.tabular.inverse import (
    Demonstrations,
    arrival_reward,
    demonstrate,
    dual,
    expected_arrivals,
    invert,
    solve_softly,
)

RNG = np.random.default_rng(0)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
HORIZON = 4


def small():
    """2 by 3 cells, the last of which ends it."""
    terminal = np.zeros((2, 3), bool)
    terminal[1, 2] = True
    start = np.zeros((2, 3))
    start[0, 0], start[0, 1] = 0.75, 0.25
    return grid_tables(MOVES, terminal, start=start, arrive=lambda place: (place, 0.0))


def paths(mdp, start, reward):
    """(states after the start, exp of its rewards) of every way to choose actions."""
    following = mdp.transition.argmax(axis=2)
    known = {}
    for actions in itertools.product(range(4), repeat=HORIZON):
        state, taken, visited = start, [], []
        for action in actions:
            if mdp.terminal[state]:
                break
            state = int(following[state, action])
            taken.append(action)
            visited.append(state)
        known[tuple(taken)] = (visited, math.exp(sum(reward[s] for s in visited)))
    return known


def test_all_paths_weigh_as_their_rewards_say():
    mdp, reward = small(), RNG.normal(size=6)
    solved = solve_softly(mdp, reward, horizon=HORIZON)
    arrivals = np.zeros(6)
    for start in (0, 1):
        known = paths(mdp, start, reward)
        whole = sum(weight for _, weight in known.values())
        assert solved.values[start] == pytest.approx(math.log(whole), rel=1e-12)
        for action in range(4):
            share = sum(w for taken, (_, w) in known.items() if taken[0] == action) / whole
            assert solved.policy[0, start, action] == pytest.approx(share, rel=1e-12)
        for visited, weight in known.values():
            for state in visited:
                arrivals[state] += mdp.start[start] * weight / whole
    got = expected_arrivals(mdp, solved.policy, mdp.start)
    np.testing.assert_allclose(got, arrivals, rtol=1e-12)


def test_the_dual_is_the_negative_log_likelihood_of_certain_moves():
    mdp, reward = small(), RNG.normal(size=6)
    known = paths(mdp, 0, reward)
    whole = sum(weight for _, weight in known.values())
    visited, weight = known[(1, 1, 2)]
    seen = Demonstrations(np.bincount(visited, minlength=6) * 1.0, np.eye(6)[0])
    value, _ = dual(reward, mdp, seen, horizon=HORIZON, penalty=0.0)
    assert value == pytest.approx(-math.log(weight / whole), rel=1e-12)


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_the_gradient_is_that_of_differences(penalty):
    mdp, reward = FrozenLake().mdp, RNG.normal(size=16)
    seen = Demonstrations(RNG.random(16), RNG.dirichlet(np.ones(16)))
    given = {"mdp": mdp, "seen": seen, "horizon": 7, "penalty": penalty}
    _, got = dual(reward, **given)
    for i in range(16):
        step = 1e-5 * np.eye(16)[i]
        want = (dual(reward + step, **given)[0] - dual(reward - step, **given)[0]) / 2e-5
        assert got[i] == pytest.approx(want, abs=1e-8)


@pytest.mark.parametrize("world", [GridWorld(), FrozenLake()])
def test_what_was_demonstrated_is_arrived_at(world):
    mdp, true = world.mdp, 2 * arrival_reward(world.mdp)
    expert = solve_softly(mdp, true, horizon=12)
    seen = demonstrate(mdp, expert.policy, episodes=20_000, seed=0)
    exact = expected_arrivals(mdp, expert.policy, mdp.start)
    np.testing.assert_allclose(seen.arrivals, exact, atol=0.05)
    found = invert(mdp, Demonstrations(exact, mdp.start), horizon=12, penalty=1e-6)
    np.testing.assert_allclose(found.arrivals, exact, atol=1e-4)
    policy = solve_softly(mdp, found.reward, horizon=12).policy
    alive = ~mdp.terminal
    np.testing.assert_allclose(policy[0][alive], expert.policy[0][alive], atol=0.01)


def test_a_reward_of_steps_is_refused():
    np.testing.assert_array_equal(arrival_reward(FrozenLake().mdp), np.eye(16)[15])
    with pytest.raises(UsageError, match="state 36 give -100 to -1"):
        arrival_reward(CliffWalking().mdp)
