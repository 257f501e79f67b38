"""`jaxdl report`: where the pages go, and what is refused."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import report as command
from tests.commands.asking import ask
from tests.runs.test_side_by_side import write_run


def test_one_page_stays_in_its_run_and_several_go_below_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    write_run(tmp_path / "a", 0.5, 0.9, [])
    (tmp_path / "runs/mine").mkdir()
    write_run(tmp_path / "runs/mine/20260102-030405-7", 0.25, 0.5, [])
    assert ask(command, "a") == 0
    assert ask(command, "a", "mine") == 0
    assert ask(command, "a", "mine", "--out", "x/y.html") == 0
    assert capsys.readouterr().out.split() == ["a/report.html", "runs/report.html", "x/y.html"]
    for page in ("a/report.html", "runs/report.html", "x/y.html"):
        assert (tmp_path / page).read_text().startswith("<!doctype html>")
    with pytest.raises(UsageError, match="--out is for several runs"):
        ask(command, "a", "--out", "y.html")
    with pytest.raises(UsageError, match="no report.json; the run has not ended"):
        ask(command, "none")
