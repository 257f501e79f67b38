"""SIGKILL: a run that is killed and continued is the uninterrupted run, bit for bit."""

import random
import shlex
import signal
import time

import pytest

from tests.faults.conftest import numbers, read_lines, report, saved_steps

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


def continuation(command) -> list[str]:
    """The arguments of the command that continues it, as it printed them."""
    return shlex.split(command.said.partition("continue it with: jaxdl ")[2].splitlines()[0])


def resumed_at(command) -> int:
    """The step that it said it goes on from."""
    found = command.said.partition("resumed at step ")[2].split()
    return int(found[0]) if found else 0


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(0, 3), *(pytest.param(seed, 1, marks=pytest.mark.slow) for seed in range(1, 21))],
)
def test_a_killed_run_ends_as_the_uninterrupted_one(start, reference, tmp_path, seed, kills):
    draw, run_dir = random.Random(seed), tmp_path / "run"
    runs = [start("run", "digits_mlp", "--run-dir", run_dir)]
    rows = sorted(draw.sample(range(ROWS - 3), kills))  # 0: before the first step has a row
    acknowledged = []
    for row in rows:
        acknowledged.append(kill_at(runs[-1], run_dir, row, draw.uniform(0, 0.05)))
        runs.append(start(*continuation(runs[-1])))
    assert runs[-1].wait() == 0, runs[-1].said
    for run, floor in zip(runs[1:], acknowledged, strict=True):
        assert resumed_at(run) >= floor or "compiling" not in run.said  # killed before it could say
    assert report(run_dir)["params_sha256"] == report(reference)["params_sha256"]
    assert numbers(run_dir) == numbers(reference)
    assert [row["step"] for row in read_lines(run_dir / "metrics.jsonl")] == [
        44 * (i + 1) for i in range(ROWS)
    ]
