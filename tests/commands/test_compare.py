"""`jaxdl compare` refuses what it cannot do before it trains anything."""

import sys

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import compare
from tests.commands.asking import ask


def test_a_comparison_needs_a_step_and_torch(monkeypatch):
    with pytest.raises(UsageError, match="--steps must be at least 1, got 0"):
        ask(compare, "digits_mlp", "--steps", 0)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"pip install .jaxdl\[torch\]"):
        ask(compare, "digits_mlp")


def test_an_experiment_without_a_task_has_no_twin():
    pytest.importorskip("torch")
    with pytest.raises(UsageError, match=r"compare digits_knn: classic\.neighbors has no Task"):
        ask(compare, "digits_knn")
