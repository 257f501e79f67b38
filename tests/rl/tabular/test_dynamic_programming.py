"""The book's figures, linear algebra, loops of NumPy, Gymnasium's own table and contraction."""

from itertools import pairwise

import numpy as np
import pytest

from jaxdl.rl.environments.grid_worlds import CliffWalking, FrozenLake, GridWorld
from jaxdl.rl.tabular.dynamic_programming import (
    action_values,
    evaluate_policy,
    greedy,
    policy_iteration,
    sweep_policy,
    value_iteration,
)

UNIFORM = np.full((16, 4), 0.25)


def test_the_random_policy_of_the_book():
    """Sutton & Barto 2018, figure 4.1."""
    want = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
    mdp = GridWorld().mdp
    got = evaluate_policy(mdp, UNIFORM, discount=1.0)
    np.testing.assert_allclose(got, want, atol=1e-9)
    values = np.zeros(16)
    sweeps = {1: [-1, -1, -1], 2: [-1.75, -2, -2], 3: [-2.4375, -2.9375, -3]}
    for k in range(1, 400):
        values = sweep_policy(mdp, UNIFORM, values, discount=1.0)
        if k in sweeps:
            np.testing.assert_allclose(values[1:4], sweeps[k])
    np.testing.assert_allclose(values, want, atol=1e-6)


def test_optimal_values_are_distances():
    rows, columns = np.indices((4, 4))
    near = np.minimum(rows + columns, 6 - rows - columns).ravel()
    solved = value_iteration(GridWorld().mdp, discount=1.0)
    np.testing.assert_array_equal(solved.values, -near)
    assert len(solved.changes) == 4  # the farthest cell is three steps away; one sweep sees no more
    discounted = value_iteration(GridWorld().mdp, discount=0.5)
    np.testing.assert_allclose(discounted.values, -2 * (1 - 0.5**near))
    np.testing.assert_array_equal(solved.policy[5], [0.5, 0, 0, 0.5])  # up or left


@pytest.mark.parametrize("world", [FrozenLake(), CliffWalking()], ids=lambda w: w.name)
@pytest.mark.parametrize("discount", [0.9, 0.99])
def test_values_are_those_of_loops_over_gymnasiums_table(world, discount):
    gymnasium = pytest.importorskip("gymnasium")
    table = gymnasium.make(world.gymnasium).unwrapped.P
    want = dict.fromkeys(table, 0.0)
    ends = {o[1] for acts in table.values() for outs in acts.values() for o in outs if o[3]}
    for _ in range(2500):
        for s, acts in table.items():
            sums = [sum(p * (r + discount * want[t]) for p, t, r, _ in o) for o in acts.values()]
            want[s] = 0.0 if s in ends else max(sums)
    want = np.array([want[s] for s in range(len(table))])
    one = value_iteration(world.mdp, discount=discount, tolerance=1e-12)
    two = policy_iteration(world.mdp, discount=discount)
    np.testing.assert_allclose(one.values, want, atol=1e-8)
    np.testing.assert_allclose(two.values, want, atol=1e-8)
    q = action_values(world.mdp, one.values, discount=discount)
    np.testing.assert_allclose(q.max(axis=1), one.values, atol=1e-8)  # Bellman's fixed point
    np.testing.assert_allclose(one.policy, greedy(q, tolerance=1e-7), atol=1e-9)
    np.testing.assert_allclose(
        evaluate_policy(world.mdp, one.policy, discount=discount), one.values, atol=1e-8
    )


@pytest.mark.parametrize("discount", [0.5, 0.9])
def test_a_sweep_contracts_by_the_discount(discount):
    mdp, rng = FrozenLake().mdp, np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(2, 16))
        far = np.abs(a - b).max()
        best = [action_values(mdp, v, discount=discount).max(axis=1) for v in (a, b)]
        assert np.abs(best[0] - best[1]).max() <= discount * far + 1e-12
        swept = [sweep_policy(mdp, UNIFORM, v, discount=discount) for v in (a, b)]
        assert np.abs(swept[0] - swept[1]).max() <= discount * far + 1e-12
    changes = value_iteration(mdp, discount=discount).changes
    assert all(b <= discount * a + 1e-15 for a, b in pairwise(changes))


def test_what_has_no_fixed_point_is_refused():
    stuck = np.zeros((16, 4))
    stuck[:, 0] = 1  # up for ever
    with pytest.raises(ValueError, match="must reach an end from every state"):
        evaluate_policy(GridWorld().mdp, stuck, discount=1.0)
    with pytest.raises(ValueError, match="no fixed point in 5 sweeps"):
        value_iteration(FrozenLake().mdp, discount=0.99, most=5)
    with pytest.raises(ValueError, match="discount must lie in"):
        value_iteration(FrozenLake().mdp, discount=1.1)
