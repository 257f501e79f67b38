"""SIGTERM among members and seeds side by side: saved, and the resumed run is the uninterrupted."""

import shlex

import pytest

from jaxdl.runs.checkpoint import Checkpoints
from tests.faults.conftest import report

TINY = ("--model.hidden=8", "--loop.steps=60", "--data.test=test[:32]")
MEMBERS = ("run", "digits_snapshots", *TINY, "--snapshots=false", "--members=3")
SEEDS = ("run", "digits_mlp", *TINY, "--seeds", "3")


@pytest.mark.parametrize("words", [MEMBERS, SEEDS], ids=["members", "seeds"])
def test_sigterm_side_by_side_saves_and_the_resumed_run_is_the_uninterrupted(
    start, tmp_path, words
):
    whole = start(*words, "--run-dir", tmp_path / "whole")
    assert whole.wait() == 0, whole.said
    assert report(tmp_path / "whole")["way"] == "3 side by side"
    folder = tmp_path / "run"
    stopped = start(*words, "--run-dir", folder, conditions=[("stopped_in_chunk", 2)])
    assert stopped.wait() == 143, stopped.said
    assert "stopped by SIGTERM; saved: all that had ended, and 1 under way" in stopped.said
    again = shlex.join(["jaxdl", *words, "--run-dir", str(folder), "--resume"])
    assert f"resume with: {again}\n" in stopped.said
    (group,) = (folder / "paused").iterdir()
    (step,) = Checkpoints(group).steps()
    assert step > 0
    resumed = start(*stopped.continuation)
    assert resumed.wait() == 0, resumed.said
    assert f"resumed at step {step}" in resumed.said
    got, want = report(folder), report(tmp_path / "whole")
    same = ("metrics", "way", "config", "params_sha256", "seeds")
    assert [got.get(name) for name in same] == [want.get(name) for name in same]
    assert not (folder / "paused").exists()
    assert "Traceback" not in stopped.said + resumed.said
