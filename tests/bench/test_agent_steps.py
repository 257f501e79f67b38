"""Seconds to a goal are those of training alone, on a clock that the test sets; lines of a tiny
bench."""

import itertools

import pytest

from experiments.rl.agent import Config, build
from jaxdl.bench import agent_steps
from jaxdl.bench.agent_steps import Reached, bench_dqn, seconds_to_goal
from jaxdl.checks import UsageError
from jaxdl.rl.agents.agent import DQN, PPO, NetworkConfig
from jaxdl.rl.environments.registry import EnvironmentConfig
from jaxdl.training.plan import LoopConfig

pytest.importorskip("torch")
pytest.importorskip("gymnasium")


def test_the_goal_ends_the_training(monkeypatch):
    ticks = itertools.accumulate([0, 2, 5, 3])  # trains 2 seconds, is measured 5, trains 3
    monkeypatch.setattr(agent_steps.time, "perf_counter", lambda: next(ticks))
    returns = iter([100.0, 480.0])
    found = seconds_to_goal(lambda: None, lambda: next(returns), 9000)
    assert found == (2000, 5, 480)


def test_a_bench_says_both_rates_and_both_times(monkeypatch):
    found = iter([Reached(7000, 40.0, 485.2), Reached(8000, 10.0, 479.0)])  # there, then here

    def goal(advance, measure, most):
        advance()
        assert (most, measure() > 0) == (12, True)
        return next(found)

    monkeypatch.setattr(agent_steps, "STEPS", 4)
    monkeypatch.setattr(agent_steps, "BETWEEN", 6)
    monkeypatch.setattr(agent_steps, "seconds_to_goal", goal)
    cfg = Config(
        agent=DQN(environments=2, replay=8, batch=4, warmup=3),
        network=NetworkConfig(hidden=(4,)),
        loop=LoopConfig(steps=12),
        seeds=1,
        val_episodes=2,
    )
    one, there, here = bench_dqn(build, cfg, rounds=1).splitlines()
    assert one.startswith("4 steps of 1 learners: ")
    assert there.endswith("one learner: mean return 485 after 7,000 steps, 40.0 s of training")
    assert here.startswith("jaxdl, 1 learners: mean return 479 after 8,000 steps, 10.0 s of train")
    assert here.endswith(" s to compile: ratio 0.25")


@pytest.mark.parametrize(("agent", "env"), [(PPO(), "cartpole"), (DQN(), "catch")])
def test_what_has_no_twin_is_refused(agent, env):
    with pytest.raises(UsageError, match=f"got {agent.name} on {env}"):
        agent_steps.twin_of(Config(env=EnvironmentConfig(env), agent=agent))
