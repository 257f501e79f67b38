"""Whole runs on an accelerator: memory that runs out (F24), and the same run twice (F42)."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.faults.conftest import ROOT

pytestmark = pytest.mark.gpu
ALONE = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def jaxdl(*words, **env):
    """An ended `jaxdl` of these words."""
    return subprocess.run(
        [sys.executable, "-m", "jaxdl.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | ALONE | env,
    )


def test_a_model_that_does_not_fit(accelerator, tmp_path):
    if accelerator.platform == "cpu":
        pytest.skip("what a CPU does is shown in tests/faults/test_memory.py")
    widths = ["40000"] * 16  # 15 matrices of 1.6e9 numbers, three times in Adam: 288 GB
    run_dir = tmp_path / "run"
    ended = jaxdl("run", "digits_mlp", "--loop.steps=2", "--run-dir", run_dir,
                  "--model.hidden", *widths)  # fmt: skip
    assert ended.returncode == 4, ended.stderr[-3000:]
    error = next(line for line in ended.stderr.splitlines() if line.startswith("error:"))
    assert re.search(r"memory ran out at batch size 32 \(the state 28\d,\d{3} MB", error), error
    assert "Lower data.batch_size, use a smaller model, or train on more devices" in error
    assert "Traceback" not in ended.stderr
    assert list((run_dir / "checkpoints").iterdir()) == []
    assert not (run_dir / "lock").exists()


def test_two_runs_are_the_same_with_the_flag(accelerator, tmp_path):
    seen = []
    for name in ("a", "b"):
        flags = os.environ.get("XLA_FLAGS", "")
        if accelerator.platform != "cpu":
            flags += " --xla_gpu_deterministic_ops=true"
        ended = jaxdl("run", "digits_lenet", "--loop.steps=60", "--run-dir", tmp_path / name,
                      XLA_FLAGS=flags)  # fmt: skip
        assert ended.returncode == 0, ended.stderr[-3000:]
        seen.append(json.loads((tmp_path / name / "report.json").read_text()))
    assert seen[0]["params_sha256"] == seen[1]["params_sha256"]
    assert seen[0]["metrics"] == seen[1]["metrics"]
