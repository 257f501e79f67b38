"""`jaxdl bench rl`: a DQN in one program, and the same in PyTorch on Gymnasium's environments."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.bench.interleaved import Work, compare_times
from jaxdl.bench.step_loop import Looped
from jaxdl.bench.torch_dqn import TorchDQN, TorchQNetwork
from jaxdl.checks import UsageError
from jaxdl.optim.optimizer import schedule_shape
from jaxdl.rl.agents.dqn import DQNConfig
from jaxdl.rl.environments.environment import Discrete
from jaxdl.rl.environments.registry import make_environment
from jaxdl.training.task import Task

STEPS = 200  # of a timed round
GOAL, BETWEEN = 475.0, 1000  # the mean return to reach, and the steps between its measurements


class Reached(NamedTuple):
    """Where an evaluation first gave `GOAL`, or the last one, and the seconds of training."""

    steps: int
    seconds: float
    value: float


def bench_rates(tasks: dict[int, Task], twin: TorchDQN, *, rounds: int) -> list[str]:
    """A line for each number of learners, `STEPS` of each, against as many in PyTorch, one after
    the other; all past their warmup, in turns."""
    twin.advance(twin.cfg.warmup)
    lines = []
    for learners, task in tasks.items():
        work = Looped(task, STEPS)
        for _ in range(-(-twin.cfg.warmup // STEPS)):
            work()

        def others(count: int = learners) -> None:
            for _ in range(count):
                twin.advance(STEPS)

        what = f"{STEPS} steps of {learners} learners"
        lines.append(compare_times(what, work, others, rounds, whose="PyTorch and Gymnasium"))
    return lines


def seconds_to_goal(advance: Work, measure: Callable[[], float], most: int) -> Reached:
    """`advance()` takes `BETWEEN` steps; `measure()` gives the mean return and is not timed."""
    steps, seconds, value = 0, 0.0, float("-inf")
    while steps < most and value < GOAL:
        began = time.perf_counter()
        advance()
        seconds += time.perf_counter() - began
        steps, value = steps + BETWEEN, measure()
    return Reached(steps, seconds, value)


def bench_goal(task: Task, twin: TorchDQN, most: int) -> list[str]:
    """The seconds of training of each until its mean return is `GOAL`; those of compiling apart."""
    work = Looped(task, BETWEEN)
    here = seconds_to_goal(
        work, lambda: task.measure(work.state, task.splits["val"])["return"], most
    )
    there = seconds_to_goal(
        lambda: twin.advance(BETWEEN), lambda: float(twin.returns(episodes=20).mean()), most
    )
    names = "jaxdl", "PyTorch and Gymnasium, one learner"
    lines = [
        f"{name}: mean return {found.value:.0f} after {found.steps:,} steps, "
        f"{found.seconds:.1f} s of training"
        for name, found in zip(names, (here, there), strict=True)
    ]
    lines[0] += f", and {work.chunks.compile_seconds:.1f} s to compile"
    return [*lines, f"ratio {there.seconds / here.seconds:.1f}"]


def bench_dqn(build: Callable[[Any], Task], cfg: Any, *, rounds: int) -> str:
    """Both measurements of the config `cfg` of `experiments/rl/agent.py`, whose task is `build`'s:
    steps for steps, with one learner and with the config's; then the times to `GOAL`."""
    tasks = {n: build(dataclasses.replace(cfg, seeds=n)) for n in sorted({1, cfg.seeds})}
    lines = bench_rates(tasks, twin_of(cfg), rounds=rounds)
    return "\n".join([*lines, *bench_goal(tasks[cfg.seeds], twin_of(cfg), cfg.loop.steps)])


def twin_of(cfg: Any) -> TorchDQN:
    """PyTorch's learner of the config; UsageError where there is none."""
    environment, agent = make_environment(cfg.env), cfg.agent
    actions, numbers = environment.actions, bool(environment.scale)
    if not (isinstance(agent, DQNConfig) and environment.gymnasium and numbers):
        raise UsageError(
            "bench rl: the twin in PyTorch is a DQN on numbers that Gymnasium has; got "
            f"{cfg.agent.name} on {environment.name}"
        )
    assert isinstance(actions, Discrete), "a DQN's are"
    updates = agent.updates * cfg.loop.steps
    rates = jax.vmap(schedule_shape(cfg.optim, updates))(jnp.arange(updates))
    return TorchDQN(
        environment.gymnasium,
        agent,
        TorchQNetwork(actions.count, cfg.network.hidden, environment.scale, agent.dueling),
        np.asarray(cfg.optim.lr * rates),
        clip_norm=cfg.optim.clip_norm,
        ema=cfg.optim.ema,
    )
