"""A run that was stopped while its folder was removed and another began there: real processes."""

import json
import shutil
import signal

import pytest

from jaxdl.checks import CheckpointError
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.lock import FolderLostError, check_held, hold, holder
from jaxdl.runs.metrics_log import MetricsLog
from jaxdl.runs.results import write_report
from jaxdl.search.trial_log import TrialRecord
from jaxdl.search.trials import TrialResult
from tests.faults.conftest import LONG, read_lines, saved_steps

REPORT = {"metrics": {}, "seconds": {"total": 1.0}}


def test_the_first_of_two_writers_stops_and_touches_nothing_of_the_second(start, tmp_path):
    run_dir = tmp_path / "run"
    run = ["run", "digits_mlp", *LONG, "--loop.save_every=44", "--run-dir", run_dir]
    first = start(*run)
    assert first.until(lambda: saved_steps(run_dir)), first.said
    first.send(signal.SIGSTOP)
    shutil.rmtree(run_dir)
    second = start(*run)
    assert second.until(lambda: saved_steps(run_dir)), second.said
    first.send(signal.SIGCONT)
    assert first.wait() == 7
    assert f"run folder {run_dir} is no longer this run's: it is now held by pid {second.pid} " in (
        first.said
    )
    assert "resume with" not in first.said
    assert "Traceback" not in first.said
    assert holder(run_dir).startswith(f"pid {second.pid} ")
    second.send(signal.SIGTERM)
    assert second.wait() == 143, second.said
    steps = [row["step"] for row in read_lines(run_dir / "metrics.jsonl")]
    assert steps == [44 * i for i in range(1, len(steps) + 1)]
    for step in saved_steps(run_dir):
        Checkpoints(run_dir / "checkpoints").verify(step)


@pytest.fixture
def lost(tmp_path):
    """A folder that this process holds no longer, and what stands there now."""
    run_dir = tmp_path / "run"
    with hold(run_dir):
        log = MetricsLog(run_dir)
        log.start(0)
        log.add(1, {"loss": 1.0})
        run_dir.rename(tmp_path / "elsewhere")
        (run_dir / "checkpoints").mkdir(parents=True)
        (run_dir / "lock").write_text("pid 1 on another-host since now")
        yield run_dir, log
    assert (run_dir / "lock").read_text() == "pid 1 on another-host since now"


WRITES = {
    "a checkpoint": lambda run, log: Checkpoints(run / "checkpoints").save(1, {}, {}),
    "a row": lambda run, log: log.flush(),
    "a bad batch": lambda run, log: log.debug_batch(1, {"x": [1.0]}),
    "a report": lambda run, log: write_report(run, REPORT, name="a", experiment="b", command=["c"]),
    "a trial": lambda run, log: TrialRecord(run, 1, print).add({}, 0, TrialResult({}, None)),
}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_into_a_folder_that_was_lost(lost, write):
    run_dir, log = lost
    before = sorted(run_dir.rglob("*"))
    with pytest.raises(FolderLostError, match="no longer this run's"):
        WRITES[write](run_dir, log)
    assert sorted(run_dir.rglob("*")) == before


def test_a_checkpoint_that_was_under_way_does_not_count(tmp_path, monkeypatch):
    """The folder is lost while the arrays are written: what the other has there stays."""
    run_dir = tmp_path / "run"

    def lose(self, step, arrays):
        (run_dir / "lock").unlink()
        (self.folder / "1").mkdir()
        (self.folder / "1" / "other").write_text("x")

    monkeypatch.setattr(Checkpoints, "_save_arrays", lose)
    with hold(run_dir), pytest.raises(CheckpointError, match="was removed, or its lock was"):
        Checkpoints(run_dir / "checkpoints").save(1, {}, {})
    assert (run_dir / "checkpoints" / "1" / "other").exists()
    assert saved_steps(run_dir) == []


def test_a_folder_that_was_never_held_is_not_asked_about(tmp_path):
    check_held(tmp_path / "run" / "checkpoints")
    write_report(tmp_path, REPORT, name="a", experiment="b", command=["c"])
    assert json.loads((tmp_path / "report.json").read_text())["name"] == "a"
