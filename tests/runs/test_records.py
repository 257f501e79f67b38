"""Recorded runs: SciPy's t interval judges the spread; seeds and single runs stay side by side."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from jaxdl.runs.records import main_metric, number, verdict, with_runs

SHAPED = {"experiment": "x", "device": "cpu", "devices": 1, "seconds": {"total": 1.0}}


def report(value, seed=0, command="jaxdl run a", **more):
    """A single run's report."""
    metrics = {"test_loss": 1 - value, "test_accuracy": value, "train_loss": 0.1}
    return {**SHAPED, "command": command, "metrics": metrics, "seed": seed, **more}


def recorded(*reports) -> Any:
    """What is kept of these, in this order."""
    entry: Any = None
    for one in reports:
        kept = {k: v for k, v in one.items() if k != "seeds"}
        entry = with_runs(kept, one, entry, {})
    return entry


def test_seeds_and_single_runs_do_not_overwrite_each_other():
    many = {f"{s}": {"test_accuracy": 0.9 + s / 100, "test_loss": 0.1} for s in (1, 2)}
    seeds = report(0.915, command="jaxdl run a --loop.devices 1 --seeds 2", seeds=many)
    for order in ((report(0.9), seeds), (seeds, report(0.9))):
        entry = recorded(*order)
        assert entry["runs"].keys() == {"0", "1", "2"}
        assert entry["metrics"]["test_accuracy"] == 0.9  # the single run's: it can be run again
        want = np.array([0.9, 0.91, 0.92])
        assert entry["headline"] == "test_accuracy"
        assert entry["spread"] == pytest.approx(
            {"n": 3, "mean": want.mean(), "std": want.std(ddof=1)}
        )
    third = recorded(report(0.9), report(0.8, 3, "jaxdl run a --seed 3"))
    assert third["runs"].keys() == {"0", "3"}


def test_runs_of_another_program_give_way():
    entry = recorded(report(0.9), report(0.8, 1, "jaxdl run a --optim.lr 0.1"))
    assert entry["runs"].keys() == {"1"}
    assert entry["spread"] == {"n": 1, "mean": 0.8}


def test_a_run_is_judged_by_the_t_interval_for_one_more():
    values = np.array([0.90, 0.91, 0.93])
    entry = recorded(*[report(v, s, f"jaxdl run a --seed {s}") for s, v in enumerate(values)])
    spread = values.std(ddof=1) * np.sqrt(1 + 1 / 3)
    low, high = stats.t.interval(0.95, 2, loc=values.mean(), scale=spread)
    for got, within in ((low + 1e-6, True), (low - 1e-6, False), (high + 1e-6, False)):
        assert verdict(entry, report(got))[0] is within
    alone = recorded(report(0.9))
    assert verdict(alone, report(0.9 * 1.019))[0]
    assert not verdict(alone, report(0.9 * 1.021))[0]
    assert "n = 1" in verdict(alone, report(0.9))[1]
    assert not verdict(alone, {"metrics": {}})[0]  # the number is not there any more


def test_the_main_number_is_of_the_test_split_and_no_loss():
    assert main_metric({"train_a": 1, "test_loss": 1, "test_map": 1}) == "test_map"
    assert main_metric({"b_std": 1, "b": 1}) == "b"
    assert number({"mean": 2, "value": 3}) == 2
    assert number({"value": 3}) == 3
    assert np.isnan(number("x"))
