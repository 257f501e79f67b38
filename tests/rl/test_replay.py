"""Rows that carry their own time, environment and learner: what is sampled says where it was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.rl.replay import Experience, empty_replay, sample, write

N, S, SIZE, BLOCK = 3, 2, 12, 3


def block(first):
    """Steps `first` on, of episodes of seven steps; every row says where it comes from."""
    time = first + np.arange(BLOCK)[:, None, None]
    place, learner = np.arange(N)[:, None], np.arange(S)
    code = np.float32(time * 100 + place * 10 + learner)
    terminated = (time % 7 == 6) & (code >= 0)
    return Experience(code[..., None], np.int32(code) % 5, code, code[..., None] + 100, terminated)


@pytest.fixture(scope="module")
def rings():
    """After each of nine blocks: the ring, and 400 rows of each learner."""
    replay = empty_replay(jax.tree.map(lambda x: jnp.asarray(x[0]), block(0)), SIZE, block=BLOCK)
    put, draw = jax.jit(write), jax.jit(lambda r, k: sample(r, k, 400, block=BLOCK))
    seen = []
    for i in range(9):
        replay = put(replay, block(i * BLOCK))
        seen.append(jax.device_get(draw(replay, jax.random.key(i))))
    return seen


def test_only_rows_that_were_written_and_still_count_are_sampled(rings):
    for i, rows in enumerate(rings):
        newest = (i + 1) * BLOCK
        times = set(np.unique(rows.reward // 100).astype(int))
        # The block that is overwritten next is left out.
        assert times == set(range(max(0, newest - (SIZE - BLOCK)), newest))


def test_a_row_is_one_transition_of_one_learner(rings):
    for rows in rings:
        code = rows.reward
        np.testing.assert_array_equal(rows.observation[..., 0], code)
        np.testing.assert_array_equal(rows.next_observation[..., 0], code + 100)
        np.testing.assert_array_equal(rows.action, code.astype(int) % 5)
        np.testing.assert_array_equal(rows.terminated, code // 100 % 7 == 6)
        np.testing.assert_array_equal(code % 10, np.broadcast_to([[0], [1]], code.shape))
        assert set(np.unique(code // 10 % 10)) == {0, 1, 2}


def test_learners_draw_rows_of_their_own(rings):
    assert (rings[-1].reward[0] + 1 != rings[-1].reward[1]).any()


@pytest.mark.parametrize("size", [13, 3])
def test_a_ring_of_half_a_block_is_refused(size):
    with pytest.raises(UsageError, match="agent.replay must hold whole blocks of 3"):
        empty_replay(jax.tree.map(lambda x: jnp.asarray(x[0]), block(0)), size, block=BLOCK)
