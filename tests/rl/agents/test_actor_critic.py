"""torch, in float64, takes the same gradient; eight devices the same step as one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.rl.agents.actor_critic import (
    A2CConfig,
    PPOConfig,
    Rows,
    actor_critic_loss,
    judge_block,
)
from jaxdl.rl.agents.networks import ActorCritic
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.episodes import Transition
from jaxdl.rl.environments.pendulum import Pendulum
from jaxdl.rl.returns import gae, n_step_returns

RNG = np.random.default_rng(0)


def network(environment):
    return ActorCritic(environment.actions, (8,), environment.scale)


def random_params(net, width, seed=0):
    params = net.init(jax.random.key(seed), jnp.zeros((1, width)))["params"]
    leaves, structure = jax.tree.flatten(params)
    noise = [jnp.float32(RNG.normal(size=x.shape) * 0.4) for x in leaves]
    return jax.tree.unflatten(structure, [a + b for a, b in zip(leaves, noise, strict=True)])


def rows(environment, count=24):
    width = len(environment.scale)
    if environment.name == "cartpole":
        action = jnp.array(RNG.integers(2, size=count), jnp.int32)
    else:
        action = jnp.float32(RNG.normal(size=(count, 1)))
    numbers = [jnp.float32(x) for x in RNG.normal(size=(3, count))]
    return Rows(jnp.float32(RNG.normal(size=(count, width))), action, *numbers)


CASES = [
    (CartPole(), A2CConfig(normalize=False, value_weight=0.3, entropy_weight=0.2)),
    (CartPole(), PPOConfig(clip=0.4, entropy_weight=0.01)),
    (Pendulum(), A2CConfig(entropy_weight=0.1)),
    (Pendulum(), PPOConfig(clip=0.1, value_weight=1.0)),
]


@pytest.mark.parametrize(("environment", "cfg"), CASES)
def test_the_gradient_is_torchs(environment, cfg):
    torch = pytest.importorskip("torch")
    net, batch = network(environment), rows(environment)
    params = random_params(net, len(environment.scale))
    tensor = lambda x: torch.tensor(np.float64(x))  # noqa: E731
    weights = jax.tree.map(lambda x: tensor(x).requires_grad_(), jax.device_get(params))
    x = tensor(batch.observation) / torch.tensor(environment.scale, dtype=torch.float64)

    def dense(layer, x):
        return x @ layer["kernel"] + layer["bias"]

    out = dense(weights["policy"], torch.tanh(dense(weights["actor"]["dense1"], x)))
    value = dense(weights["value"], torch.tanh(dense(weights["critic"]["dense1"], x)))[:, 0]
    if "log_std" in weights:
        spread = weights["log_std"].exp().expand_as(out)
        policy = torch.distributions.Normal(out * 2, spread)
        log_prob = policy.log_prob(tensor(batch.action)).sum(1)
        entropy = policy.entropy().sum(1)
    else:
        policy = torch.distributions.Categorical(logits=out)
        log_prob, entropy = policy.log_prob(tensor(batch.action)), policy.entropy()
    advantage = tensor(batch.advantage)
    if cfg.normalize:
        advantage = (advantage - advantage.mean()) / advantage.std(correction=0)
    if isinstance(cfg, PPOConfig):
        ratio = (log_prob - tensor(batch.log_prob)).exp()
        bounded = ratio.clamp(1 - cfg.clip, 1 + cfg.clip)
        actor = -torch.minimum(ratio * advantage, bounded * advantage)
    else:
        actor = -log_prob * advantage
    critic = torch.nn.functional.mse_loss(value, tensor(batch.target)) / 2
    loss = actor.mean() + cfg.value_weight * critic - cfg.entropy_weight * entropy.mean()
    loss.backward()

    def own(params):
        return actor_critic_loss(net, params, batch, cfg, None)

    (got, mean), grads = jax.jit(jax.value_and_grad(own, has_aux=True))(params)
    assert float(got) == pytest.approx(loss.item(), rel=1e-5, abs=1e-6)
    assert float(mean) == pytest.approx(entropy.mean().item(), rel=1e-5)
    want = jax.tree.map(lambda x: x.grad.numpy(), weights)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-5), grads, want)


@pytest.mark.parametrize("ahead", [0, 3])
def test_a_block_is_judged_by_the_values_of_its_own_episodes(ahead):
    net, (steps, count) = network(CartPole()), (5, 3)
    params = random_params(net, 4)
    seen, after = jnp.float32(RNG.normal(size=(2, steps, count, 4)))
    reward = jnp.float32(RNG.normal(size=(steps, count)))
    terminated = jnp.array(RNG.random((steps, count)) < 0.3)
    truncated = ~terminated & jnp.array(RNG.random((steps, count)) < 0.3)
    action = jnp.array(RNG.integers(2, size=(steps, count)), jnp.int32)
    zero = 0 * reward
    block = Transition(seen, action, reward, after, terminated, truncated, zero, zero)
    cfg = A2CConfig(steps_ahead=ahead, reward_scale=0.5, discount=0.9, trace=0.8)
    got = judge_block(net, params, block, cfg)
    apply = lambda x: net.apply({"params": params}, x)  # noqa: E731
    value, later = (jnp.stack([apply(row)[1] for row in x]) for x in (block.observation, after))
    scaled, ends = 0.5 * reward, (terminated, truncated)
    if ahead:
        target = n_step_returns(scaled, later, *ends, discount=0.9, count=3)
    else:
        target = value + gae(scaled, value, later, *ends, discount=0.9, trace=0.8)
    np.testing.assert_allclose(got.target, target.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got.advantage, (target - value).ravel(), rtol=1e-4, atol=1e-5)
    flat = apply(seen.reshape(-1, 4))[0].log_prob(action.ravel())
    np.testing.assert_allclose(got.log_prob, flat, rtol=1e-4, atol=1e-5)


def test_options_are_checked():
    with pytest.raises(UsageError, match="agent.minibatches must be at least 1"):
        PPOConfig(minibatches=0)
    with pytest.raises(ValueError, match="agent.trace must lie in"):
        A2CConfig(trace=1.2)
    assert (PPOConfig(epochs=3, minibatches=2).updates, A2CConfig().updates) == (6, 1)
