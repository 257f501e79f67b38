"""Clocks that jump, terminals of any width, locales without UTF-8, readers that go away."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.faults.conftest import BASE, ROOT, numbers, report


def test_no_terminal_gives_plain_lines(reference):
    said = (reference.parent / "0.err").read_bytes().decode()
    assert re.search(r"^step 880/880  [\d,]+ examples/s  0 s left  loss \d", said, re.M)
    assert not re.search("[\r\x1b]|Traceback", said)


WORLDS = {
    "a jumping clock, 40 columns": [("jumping_clock",), ("terminal", 40)],
    "no UTF-8, a terminal of unknown size": [("ascii_only",), ("terminal", 0)],
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_run_is_the_same_in_any_world(start, reference, tmp_path, world):
    run_dir = shutil.copytree(reference, tmp_path / "run")
    (run_dir / "checkpoints" / "880.manifest.json").unlink()  # the last tenth is to be done again
    command = start(*BASE, "--run-dir", run_dir, "--resume", conditions=WORLDS[world])
    assert command.wait() == 0, command.said
    assert report(run_dir)["params_sha256"] == report(reference)["params_sha256"]
    assert numbers(run_dir) == numbers(reference)
    before = report(reference)["seconds"]["total"]
    assert before < report(run_dir)["seconds"]["total"] < before + command.seconds
    assert "Traceback" not in command.said
    progress = [line.split("\n")[0] for line in command.said.split("\r")[2:]]
    assert progress
    if "40" in world:
        assert max(map(len, progress)) < 40


def test_without_utf8_help_and_errors_can_be_printed():
    env = {"PATH": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for argv, code in ((["run", "digits_mlp", "--optim.lrr=1"], 2), (["list"], 0)):
        ran = subprocess.run(
            [sys.executable, "-m", "jaxdl.cli", *argv], cwd=ROOT, env=env, capture_output=True
        )
        assert ran.returncode == code, ran.stderr
        assert b"Traceback" not in ran.stderr
        assert (b"--optim.lr FLOAT" in ran.stderr) == (code == 2)


def test_a_reader_that_goes_away_stops_nothing():
    shell = f"{sys.executable} -m jaxdl.cli list --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
