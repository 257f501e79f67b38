"""Sums over each episode's steps in loops; variance as NumPy has it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.config import SGD
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.learners import first_learners
from jaxdl.rl.agents.networks import ActorCritic
from jaxdl.rl.agents.reinforce import (
    ReinforceConfig,
    first_episode,
    gradient_deviations,
    make_reinforce_step,
    reinforce_loss,
)
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.catch import Catch
from jaxdl.rl.environments.episodes import Transition

NET = ActorCritic(CartPole.actions, (6,), CartPole.scale)
PARAMS = NET.init(jax.random.key(0), jnp.zeros((1, 4)))["params"]
STEPS, COUNT = 6, 4
LENGTHS = [3, 6, 1, 4]  # of the first episodes; the second is cut off by its limit


def rollout():
    rng = np.random.default_rng(0)
    ends = np.zeros((2, STEPS, COUNT), bool)
    for n, length in enumerate(LENGTHS):
        ends[int(n == 1), length - 1, n] = True
    ends[0, 4, 2] = True  # of a second episode, which does not count
    numbers = jnp.float32(rng.normal(size=(STEPS, COUNT)))
    seen = jnp.float32(rng.normal(size=(STEPS, COUNT, 4)))
    action = jnp.array(rng.integers(2, size=(STEPS, COUNT)), jnp.int32)
    return Transition(seen, action, numbers, seen, *map(jnp.array, ends), numbers, numbers)


def terms(params, seen, n, cfg):
    """(actor, critic) losses of episode n, step by step."""
    actor = critic = 0.0
    for t in range(LENGTHS[n]):
        policy, value = NET.apply({"params": params}, seen.observation[t, n][None])
        log_shares = jax.nn.log_softmax(policy.logits[0])
        later = [cfg.discount ** (k - t) * seen.reward[k, n] for k in range(t, LENGTHS[n])]
        gain = cfg.scale * sum(later)
        base = jax.lax.stop_gradient(value[0]) if cfg.baseline else 0.0
        actor -= log_shares[seen.action[t, n]] * (gain - base)
        critic += 0.5 * (value[0] - gain) ** 2
    return actor, critic


@pytest.mark.parametrize(("baseline", "discount"), [(True, 0.5), (False, 1.0)])
def test_the_gradient_is_that_of_the_sums(baseline, discount):
    cfg = ReinforceConfig(discount=discount, baseline=baseline, scale=0.3, value_weight=0.7)
    seen = rollout()

    def want(params):
        sums = [terms(params, seen, n, cfg) for n in range(COUNT)]
        return sum(a + 0.7 * c * baseline for a, c in sums) / COUNT

    own = jax.jit(jax.value_and_grad(lambda p: reinforce_loss(NET, p, seen, cfg)))(PARAMS)
    other = jax.value_and_grad(want)(PARAMS)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    jax.tree.map(close, own, other)


def test_deviations_are_those_of_single_episodes():
    seen = rollout()
    got = jax.jit(lambda p: gradient_deviations(NET, p, seen, ReinforceConfig()))(PARAMS)
    for deviation, baseline in zip(got, (True, False), strict=True):
        cfg = ReinforceConfig(baseline=baseline)
        grads = [
            jax.grad(lambda p, n=n, cfg=cfg: terms(p, seen, n, cfg)[0])(PARAMS)
            for n in range(COUNT)
        ]
        flat = np.stack([np.concatenate([x.ravel() for x in jax.tree.leaves(g)]) for g in grads])
        want = np.sqrt(flat.var(axis=0).sum())
        assert float(deviation) == pytest.approx(want, rel=1e-4)


def test_deviations_are_measured_at_their_steps():
    class Short(CartPole):
        time_limit = 4

    tx, cfg = make_optimizer(SGD(lr=0.1), 10), ReinforceConfig(environments=3, measure_every=2)
    first = partial(first_learners, NET, tx, Short(), count=3, learners=2)
    state = jax.jit(first)(jax.random.key(0)).start_averages()
    step = jax.jit(make_reinforce_step(NET, tx, Short(), cfg, ema=0.75, axis_name=None))
    for number in range(3):
        before = state.ema
        state, metrics = step(state, {})
        mean = jax.tree.map(lambda old, new: 0.75 * old + 0.25 * new, before, state.params)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), state.ema, mean)
        for name in ("deviation_baseline", "deviation_plain"):
            value, count = metrics[name]
            assert (value > 0, count) == ((True, 2) if number % 2 == 0 else (False, 0))
        assert metrics["loss"][1] == 2
    plain = ReinforceConfig(environments=3, baseline=False)
    plain_step = make_reinforce_step(NET, tx, Short(), plain, axis_name=None)
    assert "deviation_baseline" not in jax.eval_shape(plain_step, state, {})[1]
    with pytest.raises(UsageError, match="agent.measure_every must be at least 1"):
        ReinforceConfig(measure_every=0)


def test_first_episodes_end_where_they_end():
    mask = np.asarray(first_episode(rollout()))
    assert list(mask.sum(axis=0)) == LENGTHS
    assert (np.diff(mask.astype(int), axis=0) <= 0).all()


def test_an_environment_without_a_limit_is_refused():
    with pytest.raises(ValueError, match="catch sets no time_limit"):
        make_reinforce_step(NET, None, Catch(), ReinforceConfig())
