"""Whole runs through the loop: resumed within an episode, on eight devices, with a broken world."""

import dataclasses
import shutil
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.rl.agent import Config, build
from jaxdl.checks import DivergedError, UsageError
from jaxdl.optim.config import SGD, Adam
from jaxdl.rl.agents.agent import A2C, DQN, PPO, AgentConfig, NetworkConfig, Planner, Reinforce
from jaxdl.rl.agents.cross_entropy import SearchConfig
from jaxdl.rl.agents.world_model import WorldModel, model_loss
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.environment import Discrete
from jaxdl.rl.environments.registry import EnvironmentConfig
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig

SMALL = {"network": NetworkConfig(hidden=(4,)), "seeds": 2, "val_episodes": 2, "test_episodes": 3}
TINY_DQN = DQN(
    environments=8, replay=6, block=2, batch=8, warmup=1, target_every=3, target_rate=0.5
)
TINY_PLANNER = Planner(
    environments=8,
    replay=6,
    block=2,
    batch=8,
    updates=2,
    warmup=1,
    search=SearchConfig(horizon=2, samples=4, elites=1, iterations=2),
)


def config(steps, agent, *, devices=1, env="cartpole", log_every=2, save_every=4, **options):
    loop = LoopConfig(steps=steps, log_every=log_every, save_every=save_every, devices=devices)
    made = {"env": EnvironmentConfig(env), "agent": agent, "loop": loop, **SMALL}
    return Config(**made | options)


def trained(cfg, folder, **options):
    """The state after a run that plays no episodes for others to see: these compile for long."""
    task = dataclasses.replace(build(cfg), evaluate=None, draw=None)
    return fit(task, cfg.loop, folder, **options).state


@pytest.mark.parametrize("agent", [TINY_DQN, TINY_PLANNER])
def test_a_run_resumed_within_an_episode_is_the_uninterrupted_one(agent, tmp_path):
    cfg = config(6, agent, save_every=2)
    whole = trained(cfg, tmp_path)
    assert (np.asarray(whole.local["episodes"].steps) > 2).any()
    shutil.rmtree(tmp_path / "checkpoints" / "6")  # as if it had been cut off there
    written = (tmp_path / "checkpoints" / "4").stat().st_mtime_ns
    resumed = trained(cfg, tmp_path, resume=True)
    assert (tmp_path / "checkpoints" / "4").stat().st_mtime_ns == written
    for name in ("params", "opt_state", "extra", "local"):
        got, want = (jax.tree.leaves(getattr(state, name)) for state in (resumed, whole))
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_a_planner_learns_on_eight_devices_from_the_mean_of_their_gradients(tmp_path):
    agent = dataclasses.replace(TINY_PLANNER, block=1, updates=1, warmup=0)
    cfg = config(1, agent, devices=8, optim=SGD(lr=0.1), log_every=1, save_every=1)
    first = jax.device_get(jax.jit(build(cfg).init)(jax.random.key(0)))
    state = jax.device_get(trained(cfg, tmp_path))
    seen = jax.tree.map(lambda x: x[:, :, :1], state.local["replay"].rows)  # one per device
    network = WorldModel(Discrete(2), (4,), CartPole().scale)
    grad = jax.jit(jax.grad(lambda params, rows: model_loss(network, params, rows)))
    for learner in range(2):
        before, after = (jax.tree.map(lambda x: x[learner], s.params) for s in (first, state))  # noqa: B023
        grads = [grad(before, jax.tree.map(lambda x: x[i, learner], seen)) for i in range(8)]  # noqa: B023
        want = jax.tree.map(lambda p, *g: p - 0.1 * np.mean(g, axis=0), before, *grads)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), after, want)
        assert max(np.abs(x).max() for x in jax.tree.leaves(grads)) > 0.1


def test_eight_devices_make_the_steps_of_one(tmp_path):
    agent = A2C(environments=8, block=4)
    states = {}
    for devices in (1, 8):
        cfg = config(4, agent, devices=devices, optim=SGD(lr=0.1, ema=0.5))
        states[devices] = trained(cfg, tmp_path / str(devices))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), states[8].params, states[8].ema)
    assert min(jax.tree.leaves(moved)) > 0
    for part in (lambda s: s.params, lambda s: s.ema, lambda s: s.local["episodes"]):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            part(states[1]),
            part(states[8]),
        )


def test_a_number_that_is_not_finite_names_the_environment(tmp_path):
    """F48, in training: sound under random actions, broken where a learner goes."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import jax.numpy as jnp\n"
        "from jaxdl.rl.environments.environment import Discrete, Environment\n"
        "class Cliff(Environment):\n"
        "    name, actions, time_limit = 'cliff', Discrete(2), 250\n"
        "    def reset(self, key):\n"
        "        return jnp.zeros(())\n"
        "    def step(self, key, state, action):\n"
        "        after = state + 1\n"
        "        return after, jnp.where(after > 210, jnp.nan, 1.0), after < 0\n"
        "    def observe(self, state):\n"
        "        return state[None]\n"
    )
    cfg = config(40, A2C(environments=2, block=16), env="Cliff")
    cfg = Config(**{**vars(cfg), "env": EnvironmentConfig("Cliff", str(path))})
    with pytest.raises(
        DivergedError, match="environment cliff gave a number that is not finite at step 13 "
    ):
        trained(cfg, tmp_path / "run")


@pytest.mark.parametrize(
    ("optim", "name"), [(SGD(accumulate_steps=2), "accumulate_steps"), (SGD(swa=0.5), "swa")]
)
def test_what_no_agent_does_is_refused(optim, name):
    with pytest.raises(UsageError, match=f"optim: {name} does not go with agents"):
        build(config(4, A2C(), optim=optim))


@pytest.mark.parametrize(
    ("agent", "env", "message"),
    [
        (DQN(), "pendulum", "dqn needs a few actions .* pendulum takes real numbers"),
        (Reinforce(), "catch", "catch sets no time_limit"),
        (Planner(), "catch", r"planner models .* list of numbers; catch shows \(10, 5, 2\)"),
    ],
)
def test_an_agent_that_cannot_act_there_is_refused(agent, env, message):
    with pytest.raises(UsageError, match=message):
        build(config(4, agent, env=env))


def test_names_and_rates():
    assert AgentConfig.choose("a2c") is A2C
    with pytest.raises(UsageError, match="agent.name must be one of dqn"):
        AgentConfig.choose("sac")
    agent = PPO(environments=2, block=4, epochs=3, minibatches=2)
    cfg = config(10, agent, optim=Adam(lr=0.1, schedule="linear"))
    task = build(cfg)
    assert task.rate is not None
    assert [task.rate(t) for t in (0, 5)] == pytest.approx([0.1, 0.05], rel=1e-3)
    state = jax.eval_shape(task.init, jax.random.key(0))
    assert state.local["episodes"].steps.shape == (2, 2)
    assert task.splits["test"].size == 3
    assert jax.tree.leaves(state.params)[0].dtype == jnp.float32
