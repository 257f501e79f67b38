"""Disks that are full, read-only or gone: said at once, with what was saved before intact."""

import os
import re
import shutil
import subprocess
import time

import pytest

from jaxdl.runs.checkpoint import Checkpoints
from tests.faults.conftest import BASE, LONG, saved_steps

WIDE = ("--model.hidden=512", "--loop.save_every=44")  # a checkpoint of 0.5 MB


def check_refused(command, run_dir, before, reason):
    """Exit 7 with path, need and free bytes; nothing lost, nothing left over."""
    assert command.wait() == 7, command.said
    error = next(line for line in command.said.splitlines() if line.startswith("error:"))
    folder = run_dir / "checkpoints"
    pattern = rf"cannot be written to {folder}: it needs about 0\.[1-9] MB, [\d.]+ MB are free \(.*"
    assert re.search(pattern + reason, error), error
    assert "Traceback" not in command.said
    assert set(before) <= set(saved_steps(run_dir))
    for step in before:
        Checkpoints(folder).verify(step)
    assert [p.name for p in folder.iterdir() if "tmp" in p.name or "part" in p.name] == []


def test_a_file_that_may_not_grow(start, reference, tmp_path):
    run_dir = shutil.copytree(reference, tmp_path / "run")
    shutil.rmtree(run_dir / "checkpoints" / "880")  # the last tenth is to be done again
    limit = [("largest_file", 50_000)]
    command = start(*BASE, "--run-dir", run_dir, "--resume", conditions=limit)
    check_refused(command, run_dir, [792], "File too large")
    assert "resume with: jaxdl run" in command.said


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full(start, small_disk):
    run_dir = small_disk / "run"
    command = start("run", "digits_mlp", *LONG, *WIDE, "--run-dir", run_dir)
    assert command.until(lambda: len(saved_steps(run_dir)) == 2), command.said
    free = shutil.disk_usage(small_disk).free
    with (small_disk / "other").open("wb") as file:
        file.write(bytes(free - 50_000))
    before = saved_steps(run_dir)[-1:]
    check_refused(command, run_dir, before, "No space left on device")


MISHAPS = {
    "the run folder is moved": lambda run: run.rename(run.with_name("elsewhere")),
    "the checkpoints are moved": lambda run: (run / "checkpoints").rename(run / "elsewhere"),
    "the permission is lost": lambda run: (run / "checkpoints").chmod(0o555),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_save_that_fails_ends_the_run_at_once(start, tmp_path, mishap):
    run_dir = tmp_path / "run"
    run = ["run", "digits_mlp", *LONG, "--loop.save_every=44", "--run-dir", run_dir]
    command = start(*run, conditions=[("no_power",)])
    assert command.until(lambda: len(saved_steps(run_dir)) > 0), command.said
    MISHAPS[mishap](run_dir)
    began = time.monotonic()
    assert command.wait() == 7, command.said
    assert time.monotonic() - began < 10
    assert re.search("error: .*(removed|cannot be written)", command.said)
    assert "Traceback" not in command.said


def test_a_folder_that_cannot_be_written(start, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    run = ["run", "digits_mlp", "--run-dir", closed / "run"]
    command = start(*run, conditions=[("no_power",)])
    assert command.wait() == 2, command.said
    assert (
        f"{str(closed / 'run')!r} cannot be written by uid {os.getuid()} (Permission denied)"
        in (command.said)
    )
    assert "preparing" not in command.said
    assert "Traceback" not in command.said
