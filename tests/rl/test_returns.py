"""Sums over each episode, in float64 loops from the definitions."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.rl.returns import discounted_returns, gae, n_step_returns

T, B = 12, 5


@pytest.fixture(scope="module")
def rollout():
    rng = np.random.default_rng(0)
    reward, value, after = rng.normal(size=(3, T, B))
    terminated = rng.random((T, B)) < 0.2
    truncated = ~terminated & (rng.random((T, B)) < 0.2)
    going = ~(terminated | truncated)[:-1]
    after[:-1][going] = value[1:][going]  # within an episode they are the same state's
    assert terminated.any()
    assert truncated.any()
    return reward, value, after, terminated, truncated


def sums(rollout, discount, count, b, t):
    """Rewards from t on, until `count` of them, the episode or the rollout ends, then a value."""
    reward, _, after, terminated, truncated = rollout
    total, scale = 0.0, 1.0
    for k in range(t, min(t + count, T)):
        total, scale = total + scale * reward[k, b], scale * discount
        last = k + 1 == min(t + count, T) or truncated[k, b]
        if terminated[k, b]:
            return total
        if last:
            return total + scale * after[k, b]
    raise AssertionError


def single(rollout):
    return [jnp.asarray(x, jnp.float32 if x.dtype == float else bool) for x in rollout]


@pytest.mark.parametrize("discount", [0.7, 1.0])
def test_returns_stop_at_the_end_of_an_episode(rollout, discount):
    reward, _, _, terminated, truncated = rollout
    ended = terminated | truncated
    want = np.zeros((T, B))
    for b in range(B):
        for t in range(T):
            for k in range(t, T):
                want[t, b] += discount ** (k - t) * reward[k, b]
                if ended[k, b]:
                    break
    got = discounted_returns(jnp.float32(reward), jnp.array(ended), discount=discount)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, T])
@pytest.mark.parametrize("discount", [0.7, 1.0])
def test_n_steps_then_the_value(rollout, discount, count):
    reward, _, after, terminated, truncated = single(rollout)
    got = n_step_returns(reward, after, terminated, truncated, discount=discount, count=count)
    want = [[sums(rollout, discount, count, b, t) for b in range(B)] for t in range(T)]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("trace", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("discount", [0.7, 0.99])
def test_gae_is_the_mean_of_n_step_advantages(rollout, discount, trace):
    """Equation 16 of the paper: (1 - l) (A1 + l A2 + ...); the longest takes what is left."""
    args = single(rollout)
    got = gae(*args, discount=discount, trace=trace)
    _, value, _, terminated, truncated = rollout
    for b in range(B):
        for t in range(T):
            ended = terminated[t:, b] | truncated[t:, b]
            most = int(np.argmax(ended)) + 1 if ended.any() else T - t
            steps = [sums(rollout, discount, n, b, t) - value[t, b] for n in range(1, most + 1)]
            shares = [(1 - trace) * trace**k for k in range(most - 1)] + [trace ** (most - 1)]
            want = np.dot(shares, steps)
            assert float(got[t, b]) == pytest.approx(want, rel=1e-4, abs=1e-4)


def test_an_end_and_a_limit_are_not_the_same():
    one, yes, no = jnp.ones((1, 1)), jnp.ones((1, 1), bool), jnp.zeros((1, 1), bool)
    options = {"discount": 0.5, "trace": 0.9}
    assert float(gae(one, 0 * one, 10 * one, yes, no, **options)[0, 0]) == 1
    assert float(gae(one, 0 * one, 10 * one, no, yes, **options)[0, 0]) == 6


def test_a_discount_beyond_one_is_refused(rollout):
    reward, _, after, terminated, truncated = single(rollout)
    with pytest.raises(ValueError, match="gae: discount must lie in"):
        gae(*single(rollout), discount=1.1, trace=0.9)
    with pytest.raises(ValueError, match="n_step_returns: reward, next_value"):
        n_step_returns(reward, after[1:], terminated, truncated, discount=1.0, count=2)
