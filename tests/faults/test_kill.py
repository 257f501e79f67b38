"""SIGKILL: a run that is killed and continued is the uninterrupted run, bit for bit."""

import random
import signal
import time

import pytest

from jaxdl.runs.checkpoint import Checkpoints
from tests.faults.conftest import BASE, LONG, numbers, read_lines, report, saved_steps

ROWS = 20  # that digits_mlp writes


def kill_at(command, run_dir, row: int, delay: float) -> int:
    """Kills the command `delay` seconds after `row` rows are there; the newest saved step."""
    metrics = run_dir / "metrics.jsonl"
    written = lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= row  # noqa: E731
    command.until(written)
    time.sleep(delay)
    acknowledged = max(saved_steps(run_dir), default=0)
    command.send(signal.SIGKILL)
    assert command.wait() == -signal.SIGKILL, f"it ended before the kill: {command.said}"
    return acknowledged


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(0, 1), *(pytest.param(seed, 1, marks=pytest.mark.slow) for seed in range(1, 21))],
)
def test_a_killed_run_ends_as_the_uninterrupted_one(start, reference, tmp_path, seed, kills):
    draw, run_dir = random.Random(seed), tmp_path / "run"
    runs = [start(*BASE, "--run-dir", run_dir)]
    rows = sorted(draw.sample(range(ROWS - 3), kills))  # 0: before the first step has a row
    acknowledged = []
    for row in rows:
        acknowledged.append(kill_at(runs[-1], run_dir, row, draw.uniform(0, 0.05)))
        runs.append(start(*runs[-1].continuation))
    assert runs[-1].wait() == 0, runs[-1].said
    for run, floor in zip(runs[1:], acknowledged, strict=True):
        if "compiling" in run.said:  # not killed before it could say
            assert (run.resumed_at or 0) >= floor
    assert report(run_dir)["params_sha256"] == report(reference)["params_sha256"]
    assert numbers(run_dir) == numbers(reference)
    assert [row["step"] for row in read_lines(run_dir / "metrics.jsonl")] == [
        44 * (i + 1) for i in range(ROWS)
    ]


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_kill_in_a_save_leaves_the_earlier_checkpoint(start, tmp_path, kills):
    run_dir, folder = tmp_path / "run", tmp_path / "run" / "checkpoints"
    run, torn = start("run", "digits_mlp", *LONG, "--loop.save_every=44", "--run-dir", run_dir), 0
    for _ in range(10 * kills):  # a save may end before the kill comes: that one does not count
        assert run.until(lambda: saved_steps(run_dir) and any(folder.glob("*orbax*tmp*"))), run.said
        run.send(signal.SIGKILL)
        run.wait()
        left, newest = list(folder.glob("*orbax*tmp*")), saved_steps(run_dir)[-1]
        torn += bool(left)
        Checkpoints(folder).verify(newest)
        run = start(*run.continuation)
        assert run.until_said("compiling"), run.said
        assert run.resumed_at == newest
        assert not any(path.exists() for path in left)
        assert all(path.name in run.said for path in left)
        if torn == kills:
            return
    pytest.fail(f"{torn} of {10 * kills} kills came before the save had ended")
