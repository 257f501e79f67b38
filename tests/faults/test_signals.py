"""SIGTERM, Ctrl-C and their kind: the chunk is finished and saved, or the process ends in time."""

import contextlib
import os
import signal
import sys
import time

import pytest

from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.signals import KINDS, Signals, terminable
from tests.faults.conftest import LONG, saved_steps

SAVES = ("--loop.save_every=44",)


@pytest.fixture(autouse=True)
def terminal():
    """A terminal that closes is heard of, even where the tests themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def rows(run_dir):
    """Whether a row of metrics is there."""
    path = run_dir / "metrics.jsonl"
    return path.exists() and path.stat().st_size > 0


def saving(run_dir):
    """Whether a checkpoint is being written."""
    return any((run_dir / "checkpoints").glob("*orbax*tmp*"))


MOMENTS = {
    "in a step": lambda command, run_dir: rows(run_dir),
    "in a save": lambda command, run_dir: saving(run_dir),
    "in the compiler": lambda command, run_dir: "compiling" in command.said,
}


@pytest.mark.parametrize(
    ("signum", "moment"),
    [
        *((signal.SIGTERM, moment) for moment in MOMENTS),
        (signal.SIGINT, "in a step"),
        (signal.SIGUSR1, "in a step"),  # SLURM's warning; the others take the same way
    ],
)
def test_a_signal_saves_and_says_how_to_go_on(start, tmp_path, moment, signum):
    run_dir = tmp_path / "run"
    command = start("run", "digits_mlp", *LONG, *SAVES, "--run-dir", run_dir)
    assert command.until(lambda: MOMENTS[moment](command, run_dir)), command.said
    command.send(signum)
    sent = time.monotonic()
    assert command.wait() == 128 + signum
    assert time.monotonic() - sent < 30
    step = saved_steps(run_dir)[-1]
    Checkpoints(run_dir / "checkpoints").verify(step)
    assert f"stopped by {signal.Signals(signum).name}; saved at step {step}" in command.said
    again = f"resume with: jaxdl run digits_mlp {' '.join([*LONG, *SAVES])} --run-dir {run_dir}"
    assert f"{again} --resume\n" in command.said
    assert "Traceback" not in command.said
    assert not (run_dir / "lock").exists()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_loop_ends_the_run_at_once(start, tmp_path, signum):
    command = start("run", "digits_mlp", *LONG, "--run-dir", tmp_path / "run")
    assert command.until_said("run folder"), command.said
    command.send(signum)
    assert command.wait() == 128 + signum
    assert "resume with: jaxdl run digits_mlp" in command.said
    assert "Traceback" not in command.said


@pytest.mark.parametrize("signum", KINDS)
def test_a_signal_that_a_library_swallowed_is_not_lost(signum):
    said = []
    with terminable():
        with contextlib.suppress(KeyboardInterrupt):  # as a callback of some library might
            signal.raise_signal(signum)
        with Signals(said.append) as signals:
            assert signals.signum == signum
    with Signals(said.append) as signals:
        assert signals.signum is None


@pytest.mark.parametrize("signum", KINDS)
def test_a_signal_is_an_exception_before_the_loop_and_a_wish_in_it(signum):
    before, said = signal.getsignal(signum), []
    with pytest.raises(KeyboardInterrupt) as raised, terminable():
        signal.raise_signal(signum)
    assert getattr(raised.value, "code", 130) == 128 + signum
    with Signals(said.append) as signals:
        signal.raise_signal(signum)
        assert signals.signum == signum
    assert said in ([], [f"{signum.name}: finishing the chunk and saving"])  # by another thread
    assert signal.getsignal(signum) == before


def test_under_nohup_a_terminal_that_closes_changes_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminable(), Signals(print) as signals:
            signal.raise_signal(signal.SIGHUP)
            assert signals.signum is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_in_a_callback_that_python_guards_is_noted_without_a_traceback(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)

    class Callback:
        def __init__(self, error=None):
            self.error = error

        def __del__(self):
            if self.error:
                raise self.error
            signal.raise_signal(signal.SIGINT)

    with terminable():
        Callback()
        assert shown == []
        with Signals(print) as signals:
            assert signals.signum == signal.SIGINT
        Callback(ValueError("another fault"))
    assert len(shown) == 1


@pytest.fixture
def stuck(start, tmp_path):
    """A run that hangs in a system call: the disk does not answer (a pipe that nobody reads)."""
    run_dir = tmp_path / "run"
    grace = [("grace", 2.0)]
    command = start("run", "digits_mlp", *LONG, *SAVES, "--run-dir", run_dir, conditions=grace)
    assert command.until(lambda: len(saved_steps(run_dir)) > 1), command.said
    os.mkfifo(tmp_path / "pipe")
    os.replace(tmp_path / "pipe", run_dir / "metrics.jsonl")
    before = []
    assert command.until(lambda: still(run_dir, before)), command.said
    yield command, run_dir
    command.send(signal.SIGKILL)


def still(run_dir, before):
    """Whether nothing has been saved for half a second."""
    now = (saved_steps(run_dir), time.monotonic())
    if not before or before[0] != now[0]:
        before[:] = now
    return now[1] - before[1] > 0.5


def test_ctrl_c_twice_ends_at_once_even_where_python_is_stuck(stuck):
    command, run_dir = stuck
    command.send(signal.SIGINT)
    assert command.until_said("SIGINT: finishing"), command.said
    sent = time.monotonic()
    command.send(signal.SIGINT)
    assert command.wait() == 130
    assert time.monotonic() - sent < 1.5
    assert "Traceback" not in command.said
    Checkpoints(run_dir / "checkpoints").verify(saved_steps(run_dir)[-1])


def test_sigterm_is_answered_in_time_even_where_python_is_stuck(stuck):
    command, run_dir = stuck
    command.send(signal.SIGTERM)
    sent = time.monotonic()
    assert command.wait() == 143
    assert 2 < time.monotonic() - sent < 10
    assert "Resume with: jaxdl run digits_mlp" in command.said
    (run_dir / "metrics.jsonl").unlink()
    again = command.continuation
    Checkpoints(run_dir / "checkpoints").verify(saved_steps(run_dir)[-1])
    assert again[-1] == "--resume"
