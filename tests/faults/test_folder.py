"""One run a folder: the second one is told who is there; what a dead one left is taken over."""

import os
import signal
import socket
import threading

import pytest

from jaxdl.checks import RunBusyError
from jaxdl.commands.doctor import left_behind
from jaxdl.runs import lock
from tests.faults.conftest import LONG, saved_steps


def test_a_second_run_is_refused_and_a_dead_ones_lock_taken_over(start, tmp_path):
    run_dir = tmp_path / "runs" / "digits_mlp" / "one"
    run = ["run", "digits_mlp", *LONG, "--loop.save_every=44", "--run-dir", run_dir]
    first = start(*run)
    assert first.until(lambda: saved_steps(run_dir)), first.said
    before = (run_dir / "config.toml").read_bytes()
    for again in (run, [*run, "--optim.lr=1", "--resume"]):
        second = start(*again)
        assert second.wait() == 5
        who = rf"in use by pid {first.pid} on {socket.gethostname()} since 20\d\d-"
        with pytest.raises(RunBusyError, match=who):
            raise RunBusyError(second.said)
        assert "Traceback" not in second.said
    assert (run_dir / "config.toml").read_bytes() == before
    assert lock.holder(run_dir).startswith(f"pid {first.pid} on ")
    (line,) = left_behind(tmp_path / "runs")
    assert line.startswith(f"running: {run_dir}, by pid {first.pid}")
    assert first.poll() is None, first.said

    tearing = lambda: any((run_dir / "checkpoints").glob("*orbax*tmp*"))  # noqa: E731
    assert first.until(tearing), first.said
    first.send(signal.SIGKILL)
    first.wait()
    assert (run_dir / "lock").exists()
    assert lock.holder(run_dir) is None
    (run_dir / "checkpoints" / "9.manifest.part").write_text("{")
    left = "\n".join(left_behind(tmp_path / "runs"))
    assert f"left behind: {run_dir / 'lock'} (the next --resume cleans it up)" in left
    assert "9.manifest.part" in left
    third = start(*first.continuation)
    assert third.until_said("compiling"), third.said
    assert "cleaned up: " in third.said
    third.send(signal.SIGTERM)
    assert third.wait() == 143
    assert [line for line in left_behind(tmp_path / "runs") if "aside" not in line] == []


def test_a_lock_that_is_taken_between_two_looks_is_not_held_twice(tmp_path):
    """A holder removes the file as it leaves; who has locked the removed file must try again."""
    inside, most, failures = [0], [0], []

    def compete():
        for _ in range(50):
            try:
                file = lock._take(tmp_path)  # as another process would: `hold` nests within one
            except RunBusyError:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            try:
                (tmp_path / lock.NAME).unlink()
            except FileNotFoundError as error:
                failures.append(error)
            file.close()

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert failures == []


def test_a_lock_nests_within_one_process_and_is_free_after(tmp_path):
    with lock.hold(tmp_path / "run"):
        with lock.hold(tmp_path / "run"):
            pass
        assert (tmp_path / "run" / "lock").exists()
        with pytest.raises(RunBusyError, match=f"pid {os.getpid()} "):
            lock._take(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("holder", "busy"),
    [
        (f"pid {os.getpid()} on {socket.gethostname()} since now", True),
        (f"pid {2**22 + 1} on {socket.gethostname()} since now", False),
        ("pid 1 on another-host since now", True),
        ("", False),
    ],
    ids=["alive", "dead", "another host", "unknown"],
)
def test_without_locks_of_the_file_system_the_holder_is_looked_for(
    tmp_path, monkeypatch, holder, busy
):
    def unsupported(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    (tmp_path / "lock").write_text(holder)
    if busy:
        with pytest.raises(RunBusyError, match=holder), lock.hold(tmp_path):
            pass
    else:
        with lock.hold(tmp_path):
            assert f"pid {os.getpid()} " in (tmp_path / "lock").read_text()
