"""`jaxdl bench` refuses what it cannot measure before it times anything."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import bench
from tests.commands.asking import ask


def test_rounds_and_configs_are_asked_for():
    with pytest.raises(UsageError, match="--rounds must be at least 1, got 0"):
        ask(bench, "--rounds", 0)
    for what in ("steps", "devices"):
        with pytest.raises(UsageError, match=f"bench {what}: give one config"):
            ask(bench, what)


def test_an_experiment_without_a_task_has_no_steps():
    with pytest.raises(UsageError, match=r"bench digits_knn: classic\.neighbors has no Task"):
        ask(bench, "steps", "digits_knn")
