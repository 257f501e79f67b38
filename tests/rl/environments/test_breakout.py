"""MinAtar's rules (Young & Tian 2019) as a loop over a plain board judge every step of games."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.rl.environments.breakout import Breakout, BreakoutState


class Loop:
    """One game, written from the rules: a ball on diagonals that walls, bricks, paddle reflect."""

    def __init__(self, right):
        self.ball, self.speed = ([9, 3], [-1, 1]) if right else ([0, 3], [1, 1])
        self.trail, self.paddle, self.inside = list(self.ball), 4, False
        self.bricks = {(x, y) for x in range(10) for y in (1, 2, 3)}

    def step(self, action):
        self.paddle = min(9, max(0, self.paddle + {0: 0, 1: -1, 2: 1}[action]))
        self.trail = list(self.ball)
        x, y = self.ball[0] + self.speed[0], self.ball[1] + self.speed[1]
        if not 0 <= x <= 9:
            x, self.speed[0] = min(9, max(0, x)), -self.speed[0]
        reward, lost, hit = 0, False, False
        if y < 0:
            y, self.speed[1] = 0, -self.speed[1]
        elif (x, y) in self.bricks:
            hit = True
            if not self.inside:
                self.bricks.remove((x, y))
                reward, y, self.speed[1] = 1, self.ball[1], -self.speed[1]
        elif y == 9:
            self.bricks = self.bricks or {(x, y) for x in range(10) for y in (1, 2, 3)}
            if self.ball[0] == self.paddle:
                y, self.speed[1] = self.ball[1], -self.speed[1]
            elif x == self.paddle:
                y, self.speed = self.ball[1], [-self.speed[0], -self.speed[1]]
            else:
                lost = True
        self.inside, self.ball = hit, [x, y]
        return reward, lost

    def board(self):
        board = np.zeros((10, 10, 4), bool)
        board[9, self.paddle, 0] = board[self.ball[1], self.ball[0], 1] = True
        board[self.trail[1], self.trail[0], 2] = True
        for x, y in self.bricks:
            board[y, x, 3] = True
        return board


def test_whole_games_are_those_of_the_rules():
    game = Breakout()
    step = jax.jit(lambda s, a: (*game.step(jax.random.key(0), s, a), game.observe(s)))
    rng, total, refilled, ends = np.random.default_rng(0), 0, False, 0
    for seed in range(6):
        state = game.reset(jax.random.key(seed))
        want = Loop(right=bool(state.x == 9))
        if seed == 0:  # a low wall, which is cleared and built again
            state = state._replace(bricks=state.bricks & (jnp.arange(10) == 3)[:, None])
            want.bricks = {(x, y) for x, y in want.bricks if y == 3}
        for time in range(900):
            ahead = want.ball[0] + want.speed[0]
            target = ahead if seed else want.ball[0]
            chase = 1 + int(target > want.paddle) if target != want.paddle else 0
            careless = seed > 2 and rng.random() < 0.2
            action = int(rng.integers(3)) if careless else chase
            before, bricks = want.board(), len(want.bricks)
            reward, lost = want.step(action)
            state, got, terminated, seen = step(state, jnp.int32(action))
            np.testing.assert_array_equal(seen, before, err_msg=f"game {seed}, step {time}")
            assert (int(got), bool(terminated)) == (reward, lost), f"game {seed}, step {time}"
            total, refilled = total + reward, refilled or len(want.bricks) > bricks
            if lost:
                ends += 1
                break
    assert total > 40
    assert refilled
    assert 0 < ends < 6


def test_the_last_brick_and_an_empty_wall():
    state = Breakout().reset(jax.random.key(0))._replace(bricks=jnp.zeros((10, 10), bool))
    low = state._replace(x=jnp.int32(4), y=jnp.int32(8), heading=jnp.int32(2))
    after, reward, lost = Breakout().step(jax.random.key(0), low, jnp.int32(0))
    assert after.bricks.sum() == 30
    assert (float(reward), bool(lost), int(after.heading), int(after.y)) == (0, False, 1, 8)
    assert Breakout().draw(jax.device_get(BreakoutState(*after))).shape == (200, 200, 3)
