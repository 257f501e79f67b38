"""The papers' formulas in float64 loops, and their gradients by differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.reinforcement import clipped_surrogate, huber, policy_gradient, q_targets

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("discount", [0.5, 0.99])
@pytest.mark.parametrize("double", [False, True])
def test_targets_bootstrap_unless_terminated(discount, double):
    reward, target, online = RNG.normal(size=6), RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3))
    terminated = np.array([True, False] * 3)
    want = []
    for i in range(6):
        row = online[i] if double else target[i]
        action = max(range(3), key=lambda a: row[a])
        want.append(reward[i] if terminated[i] else reward[i] + discount * target[i][action])
    chosen = jnp.float32(online) if double else None
    args = jnp.float32(reward), jnp.array(terminated), jnp.float32(target)
    got = q_targets(*args, discount=discount, chosen_by=chosen)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    slope = jax.grad(lambda q: q_targets(*args[:2], q, discount=discount).sum())(args[2])
    assert not slope.any()


@pytest.mark.parametrize("delta", [0.5, 2.0])
def test_huber_is_torchs(delta):
    torch = pytest.importorskip("torch")
    error = np.float32(RNG.normal(size=50) * 2)
    zero = torch.zeros(50)
    want = torch.nn.functional.huber_loss(torch.tensor(error), zero, reduction="none", delta=delta)
    np.testing.assert_allclose(huber(jnp.array(error), delta=delta), want, rtol=1e-6, atol=1e-7)


def test_the_policy_gradient_is_the_score_times_the_advantage():
    logits, action, advantage = RNG.normal(size=4), 2, -1.7
    share = np.exp(logits) / np.exp(logits).sum()
    want = -advantage * (np.eye(4)[action] - share)

    def loss(logits):
        return policy_gradient(jax.nn.log_softmax(logits)[action], jnp.float32(advantage))

    np.testing.assert_allclose(jax.grad(loss)(jnp.float32(logits)), want, rtol=1e-5)


@pytest.mark.parametrize("clip", [0.1, 0.3])
def test_the_surrogate_is_the_papers(clip):
    new, old, advantage = RNG.normal(size=(3, 40)) * 0.3
    want, slopes = [], []
    for a, b, gain in zip(new, old, advantage, strict=True):
        ratio = np.exp(a - b)
        bounded = min(max(ratio, 1 - clip), 1 + clip)
        want.append(-min(ratio * gain, bounded * gain))
        idle = (ratio > 1 + clip and gain > 0) or (ratio < 1 - clip and gain < 0)
        slopes.append(0 if idle else -ratio * gain)
    args = [jnp.float32(x) for x in (new, old, advantage)]
    np.testing.assert_allclose(clipped_surrogate(*args, clip=clip), want, rtol=1e-5)
    got = jax.grad(lambda a: clipped_surrogate(a, *args[1:], clip=clip).sum())(args[0])
    np.testing.assert_allclose(got, slopes, rtol=1e-5, atol=1e-7)


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"log_prob, advantage .*\(3,\) and \(3, 1\)"):
        policy_gradient(jnp.ones(3), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="reward, terminated"):
        q_targets(jnp.ones(3), jnp.ones((3, 1), bool), jnp.ones((3, 2)), discount=0.9)
    with pytest.raises(ValueError, match="old_log_prob"):
        clipped_surrogate(jnp.ones(3), jnp.ones((3, 1)), jnp.ones(3))
