"""`jaxdl results add` against the report of the run that it records."""

import json
from pathlib import Path

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import results
from tests.commands.asking import ask
from tests.commands.conftest import MLP

ROOT = Path(__file__).parents[2]


def test_results_add_records_a_run(trained, tmp_path, monkeypatch):
    for name in ("configs", "experiments"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert ask(results, "add", trained) == 0
    entry = json.loads((tmp_path / "results.json").read_text())["digits_mlp"]
    assert entry["command"] == "jaxdl run " + " ".join(MLP)
    assert "`jaxdl run digits_mlp" in (tmp_path / "RESULTS.md").read_text()
    with pytest.raises(UsageError, match="no report.json"):
        ask(results, "add", tmp_path)
