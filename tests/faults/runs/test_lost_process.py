"""One of several processes of a run: signalled, killed, stopped, or of another mind (F63)."""

import signal
import time

import pytest

from jaxdl.runs.checkpoint import Checkpoints
from tests.faults.conftest import LONG, numbers, saved_steps
from tests.runs.test_processes import free_port

SAVES = ("--loop.log_every=44", "--loop.save_every=44")


@pytest.fixture(name="together")
def _together(start, tmp_path):
    """`together("run", ...)`: two processes of one run in `tmp_path/run`, and its folder."""

    def begin(*args, second=()):
        port, run_dir = free_port(), tmp_path / "run"
        both = []
        for number, more in enumerate(((), second)):
            where = [
                f"--distributed.coordinator_address=localhost:{port}",
                "--distributed.num_processes=2",
                f"--distributed.process_id={number}",
            ]
            both.append(start("run", "digits_mlp", *args, *more, "--run-dir", run_dir, *where))
        return both, run_dir

    return begin


def test_a_signal_to_one_ends_all_saved_and_one_process_goes_on(together, start):
    (first, second), run_dir = together(*LONG, *SAVES)
    assert first.until(lambda: saved_steps(run_dir)), first.said
    second.send(signal.SIGTERM)
    assert first.wait() == second.wait() == 128 + signal.SIGTERM
    step = saved_steps(run_dir)[-1]
    Checkpoints(run_dir / "checkpoints").verify(step)
    assert f"stopped by SIGTERM; saved at step {step}" in first.said
    assert "resume with: jaxdl run digits_mlp" in first.said
    assert second.said == f"error: stopped by SIGTERM; saved at step {step}\n"
    assert second.printed == ""
    end = f"--loop.steps={step + 44}"
    alone = start("run", "digits_mlp", *LONG[1:], *SAVES, end, "--run-dir", run_dir, "--resume")
    assert alone.wait() == 0, alone.said
    assert alone.resumed_at == step
    (first, second), _ = together(*LONG[1:], *SAVES, f"--loop.steps={step + 88}", "--resume")
    assert (first.wait(), second.wait()) == (0, 0), first.said
    assert first.resumed_at == step + 44
    steps = [row["step"] for row in numbers(run_dir)]
    assert steps == [*range(44, step + 1, 44), *([step] if step % 44 else []), *steps[-2:]]


@pytest.mark.parametrize(
    ("signum", "which"), [(signal.SIGKILL, 1), (signal.SIGSTOP, 1), (signal.SIGKILL, 0)]
)
def test_where_one_is_gone_the_others_end_and_say_how_to_go_on(together, signum, which):
    both, run_dir = together(*LONG, *SAVES)
    other = both[1 - which]
    assert both[0].until(lambda: saved_steps(run_dir)), both[0].said
    both[which].send(signum)
    began = time.monotonic()
    assert other.wait() != 0
    assert time.monotonic() - began < 60
    both[which].send(signal.SIGKILL)
    Checkpoints(run_dir / "checkpoints").verify(saved_steps(run_dir)[-1])
    if which == 1:
        while "is gone" not in other.said and time.monotonic() - began < 60:
            time.sleep(0.01)  # a shell says it, after the end
        assert "another process of this run is gone" in other.said
        assert f"--run-dir {run_dir} --resume\n" in other.said
    assert "Traceback" not in other.said


def test_processes_of_other_configs_do_not_train_together(together):
    both, run_dir = together("--loop.steps=20", second=("--optim.lr=0.5",))
    assert [one.wait() for one in both] == [2, 2]
    assert "error: process 1 has another config than process 0\n" in both[0].said
    assert not (run_dir / "config.toml").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--loop.devices=1"], "loop.devices is for one process"),
        (["--loop.parallel=pmap"], "loop.parallel = pmap is for one process"),
        (["--seeds=2"], "seeds train in one process"),
    ],
)
def test_what_processes_cannot_do_is_said_at_once(together, args, words):
    (first, second), run_dir = together(*args)
    assert (first.wait(), second.wait()) == (2, 2)
    assert words in first.said
    assert not run_dir.exists()


def test_a_process_that_does_not_say_who_it_is_is_refused(start):
    command = start("run", "digits_mlp", "--distributed.process_id=0")
    assert command.wait() == 2
    assert "need --distributed.coordinator_address, --distributed.num_processes" in command.said
