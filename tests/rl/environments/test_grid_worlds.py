"""Gymnasium's tables judge FrozenLake and CliffWalking, the book's figure the grid world."""

import jax
import numpy as np
import pytest

from jaxdl.rl.environments.grid_worlds import CliffWalking, FrozenLake, GridWorld


@pytest.mark.parametrize("kind", [FrozenLake, CliffWalking], ids=lambda kind: kind.name)
def test_tables_are_gymnasiums(kind):
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make(kind.gymnasium).unwrapped
    mdp = kind().mdp
    transition, reward = np.zeros_like(mdp.transition), np.zeros_like(mdp.reward)
    ends = set()
    for state, actions in theirs.P.items():
        for action, outcomes in actions.items():
            for share, after, gain, terminated in outcomes:
                transition[state, action, after] += share
                reward[state, action, after] = gain
                ends |= {int(after)} if terminated else set()
    alive = ~mdp.terminal
    np.testing.assert_allclose(mdp.transition[alive], transition[alive], atol=1e-12)
    np.testing.assert_array_equal(mdp.reward[alive], reward[alive])
    assert set(np.flatnonzero(mdp.terminal)) == ends
    np.testing.assert_array_equal(mdp.start, theirs.initial_state_distrib)


def test_the_grid_world_is_the_books():
    mdp = GridWorld().mdp
    assert list(np.flatnonzero(mdp.terminal)) == [0, 15]
    up, right, down, left = range(4)
    for state, action, after in [(5, up, 1), (5, right, 6), (1, up, 1), (14, right, 15)]:
        assert mdp.transition[state, action, after] == 1
    assert mdp.transition[13, down, 13] == 1
    assert mdp.transition[4, left, 4] == 1
    assert (mdp.mean_reward == np.where(mdp.terminal, 0, -1)[:, None]).all()


def test_steps_are_drawn_from_the_tables():
    lake = FrozenLake()
    keys = jax.random.split(jax.random.key(0), 3000)
    after, reward, terminated = jax.vmap(lambda k: lake.step(k, np.int32(14), np.int32(2)))(keys)
    shares = np.bincount(np.asarray(after), minlength=16) / 3000
    np.testing.assert_allclose(shares, lake.mdp.transition[14, 2], atol=0.04)
    np.testing.assert_array_equal(reward, np.asarray(after) == 15)
    np.testing.assert_array_equal(terminated, np.asarray(after) == 15)
    starts = jax.vmap(GridWorld().reset)(keys)
    counts = np.bincount(np.asarray(starts), minlength=16)
    assert counts[[0, 15]].sum() == 0
    assert counts[1:15].min() > 150
    assert lake.observe(np.int32(3))[3] == 1
    assert lake.draw(np.int32(3)).shape == (80, 80, 3)
