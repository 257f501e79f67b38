"""A counting environment, whose episodes a loop can foretell."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.rl.environments.environment import Box, Discrete, Environment
from jaxdl.rl.environments.episodes import advance, random_action, random_rollout, start_episode
from jaxdl.rl.environments.pendulum import Pendulum


@dataclass(frozen=True)
class Counter(Environment):
    """Counts; action 1 ends the episode, the seventh step is its last."""

    name = "counter"
    actions = Discrete(2)
    time_limit = 7

    def reset(self, key):
        return jnp.int32(0)

    def step(self, key, state, action):
        return state + 1, jnp.float32(state), action == 1

    def observe(self, state):
        return jnp.float32(state)[None]


def test_ends_are_told_apart_and_the_next_episode_begins():
    actions = [0, 0, 1, *[0] * 7, *[0] * 6, 1, 0]
    episode = start_episode(Counter(), jax.random.key(0))
    step = jax.jit(lambda e, a: advance(Counter(), jax.random.key(0), e, a))
    steps, total = 0, 0
    for action in actions:
        episode, seen = step(episode, jnp.int32(action))
        assert (float(seen.observation[0]), float(seen.reward)) == (steps, steps)
        total, steps = total + steps, steps + 1
        # What came after this step in its own episode, never the first state of the next one.
        assert float(seen.next_observation[0]) == steps
        assert bool(seen.terminated) == (action == 1)
        assert bool(seen.truncated) == (action != 1 and steps == 7)
        ended = action == 1 or steps == 7
        assert bool(seen.ended) == ended
        assert float(seen.episode_return) == total * ended
        assert int(seen.episode_steps) == steps * ended
        if ended:
            steps, total = 0, 0
        assert (int(episode.steps), float(episode.reward_sum)) == (steps, total)


def test_random_rollouts_follow_on_and_use_all_actions():
    run = jax.jit(lambda key: random_rollout(Counter(), key, count=3, steps=30)[1])
    seen = jax.device_get(run(jax.random.key(1)))
    assert seen.observation.shape == (30, 3, 1)
    kept = ~(seen.terminated | seen.truncated)[:-1]
    np.testing.assert_array_equal(seen.observation[1:][kept], seen.next_observation[:-1][kept])
    assert (seen.observation[1:][~kept] == 0).all()
    assert set(np.unique(seen.action)) == {0, 1}


def test_random_actions_of_a_box_fill_it():
    keys = jax.random.split(jax.random.key(0), 500)
    actions = np.asarray(jax.vmap(lambda k: random_action(Pendulum(), k))(keys))
    assert isinstance(Pendulum.actions, Box)
    assert actions.shape == (500, 1)
    assert (actions.min() < -1.9, actions.max() > 1.9, abs(actions).max() <= 2) == (True,) * 3
