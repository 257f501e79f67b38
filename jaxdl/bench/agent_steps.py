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


def bench_goal(tasks: dict[int, Task], twin: TorchDQN, most: int) -> list[str]:
    """The seconds of training of each until its mean return is `GOAL`; those of compiling apart."""
    there = seconds_to_goal(
        lambda: twin.advance(BETWEEN), lambda: float(twin.returns(episodes=20).mean()), most
    )
    lines = [f"PyTorch and Gymnasium, one learner: {reached_line(there)}"]
    for learners, task in tasks.items():
        work = Looped(task, BETWEEN)

        def measure(task: Task = task, work: Looped = work) -> float:
            return task.measure(work.state, task.splits["val"])["return"]

        here = seconds_to_goal(work, measure, most)
        compiling = f"{work.chunks.compile_seconds:.1f} s to compile"
        lines.append(
            f"jaxdl, {learners} learners: {reached_line(here)}, and {compiling}: "
            f"ratio {here.seconds / there.seconds:.2f}"
        )
    return lines


def reached_line(found: Reached) -> str:
    """What was reached, and when."""
    return (
        f"mean return {found.value:.0f} after {found.steps:,} steps, "
        f"{found.seconds:.1f} s of training"
    )


def bench_dqn(build: Callable[[Any], Task], cfg: Any, *, rounds: int) -> str:
    """Both measurements of the config `cfg` of `experiments/rl/agent.py`, whose task is `build`'s:
    steps for steps, with one learner and with the config's; then the times to `GOAL`, of the mean
    over learners."""
    tasks = {n: build(dataclasses.replace(cfg, seeds=n)) for n in sorted({1, cfg.seeds})}
    lines = bench_rates(tasks, twin_of(cfg), rounds=rounds)
    return "\n".join([*lines, *bench_goal(tasks, twin_of(cfg), cfg.loop.steps)])


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
