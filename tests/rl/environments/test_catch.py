"""The game played by hand, in loops."""

import jax
import numpy as np
import pytest

from jaxdl.rl.environments.catch import Catch


@pytest.mark.parametrize(("aim", "want"), [(True, 1), (False, -1)])
def test_a_ball_that_is_met_counts_one(aim, want):
    game, step = Catch(), jax.jit(Catch().step)
    for seed in range(4):
        key = jax.random.key(seed)
        state = np.asarray(game.reset(key))
        column, paddle = state[1], 2
        goal = column if aim else (column + 2) % 5
        for time in range(1, 10):
            move = int(np.sign(goal - paddle))
            paddle += move
            state, reward, done = jax.device_get(step(key, state, np.int32(1 + move)))
            assert list(state) == [time, column, paddle]
            assert done == (time == 9)
            assert reward == (want if done else 0)
        seen = np.asarray(game.observe(state))
        assert seen[9, column, 0]
        assert seen[9, paddle, 1]
        assert seen.sum() == 2


def test_the_paddle_stays_on_the_board():
    state, *_ = Catch().step(jax.random.key(0), np.array([0, 0, 0]), np.int32(0))
    assert state[2] == 0
    assert Catch().draw(np.array([3, 1, 2])).shape == (200, 100, 3)
