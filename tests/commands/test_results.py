"""`jaxdl results` against the report of the run that it records, or checks."""

import json
import subprocess
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


@pytest.mark.parametrize(("got", "code"), [(0.9, 0), (0.7, 1)])
def test_check_runs_the_recorded_command_and_compares(got, code, tmp_path, monkeypatch, capsys):
    entry = {"experiment": "x", "device": "cpu", "devices": 1, "seconds": {"total": 1.0}}
    entry |= {"command": "jaxdl run mine --optim.lr 3", "metrics": {"test_accuracy": 0.9}}
    (tmp_path / "results.json").write_text(json.dumps({"mine": entry}))
    monkeypatch.chdir(tmp_path)

    def runs(command, check):
        assert " ".join(command[1:-1]) == "-m jaxdl.cli run mine --optim.lr 3 --run-dir"
        folder = Path(command[-1])
        folder.mkdir()
        report = entry | {"metrics": {"test_accuracy": got}}
        (folder / "report.json").write_text(json.dumps(report))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", runs)
    assert ask(results, "check", "mine", "--run-dir", tmp_path / "again") == code
    assert ("OUTSIDE" in capsys.readouterr().out) == bool(code)
    with pytest.raises(UsageError, match="mine"):
        ask(results, "check", "mime")
