"""The way of trials against what a clock would say, and against the arithmetic of a step."""

import time

import jax
import jax.numpy as jnp
import pytest

from jaxdl.classification.task import classifier_task
from jaxdl.optim.config import Momentum
from jaxdl.search import execution
from jaxdl.search.execution import choose_execution, equal_groups, multiply_adds
from jaxdl.search.trials import Execution, TrialRunner
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.plan import LoopConfig
from tests.search.test_sweep import config
from tests.training import toys

LOOP = LoopConfig(steps=20, devices=1)


def runner(**options):
    return TrialRunner(toys.classifier(Momentum(), steps=20), LOOP, **options)


def test_a_slow_moment_does_not_change_the_way(monkeypatch):
    want = choose_execution(runner(), 3)
    assert want == Execution(3)
    advance = ChunkRunner.advance

    def slow(chunks, state, *rest):
        time.sleep(0.2 * jnp.ndim(state.step))  # side by side alone
        return advance(chunks, state, *rest)

    monkeypatch.setattr(ChunkRunner, "advance", slow)
    assert choose_execution(runner(), 3) == want


def test_the_way_follows_from_the_step_the_device_and_the_memory(monkeypatch):
    assert choose_execution(runner(memory=1), 3).group == 0
    assert runner(memory=1).largest_group() == 1
    assert runner().largest_group() > 100
    monkeypatch.setattr(execution, "CPU_MOST", 1)
    monkeypatch.setattr(execution.os, "sched_getaffinity", lambda pid: {0, 1})
    assert choose_execution(runner(), 3) == Execution(0, 2)
    assert choose_execution(runner(), 1) == Execution(0, 1)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert choose_execution(runner(), 3) == Execution(3)
    assert choose_execution(runner(memory=1), 3) == Execution(0, 1)


def test_the_multiply_adds_of_a_step_are_those_of_its_products():
    """Forward, and of the second product both gradients, of the first one that of the kernel."""
    cfg = config("--data.batch_size", "16")  # 64 - 8 - 10
    trials = TrialRunner(classifier_task(cfg), cfg.loop)
    assert multiply_adds(trials) == 16 * (2 * 64 * 8 + 3 * 8 * 10)


@pytest.mark.parametrize(
    ("count", "most", "size"), [(64, 64, 64), (64, 48, 32), (7, 3, 3), (1, 9, 1)]
)
def test_groups_are_few_and_equal(count, most, size):
    assert equal_groups(count, most) == size
