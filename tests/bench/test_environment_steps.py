"""The rate is steps over seconds of a clock that the test sets."""

import itertools

import pytest

from jaxdl.bench import environment_steps
from jaxdl.bench.environment_steps import bench_environments, steps_per_second
from jaxdl.rl.environments.catch import Catch


def test_a_rate_is_all_steps_over_the_median_time(monkeypatch):
    monkeypatch.setattr(environment_steps, "TOTAL", 60)
    ticks = itertools.accumulate([0, 1, 0, 4, 0, 2])  # three rounds of 1, 4 and 2 seconds
    monkeypatch.setattr(environment_steps.time, "perf_counter", lambda: next(ticks))
    assert steps_per_second(Catch(), 3, rounds=3) == pytest.approx(30)


def test_there_is_a_line_for_each_number(monkeypatch):
    monkeypatch.setattr(environment_steps, "steps_per_second", lambda env, n, rounds: 10.0 * n)
    title, *lines = bench_environments(rounds=2, counts=(1, 4096)).splitlines()
    assert title.startswith("CartPole")
    assert [line.split() for line in lines] == [
        ["1", "environments", "10", "steps/s"],
        ["4,096", "environments", "40,960", "steps/s"],
    ]
