"""With 64-bit numbers allowed (JAX_ENABLE_X64) all stays float32; one process tries it all."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import jaxdl
from jaxdl.checks import UsageError
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.training.loop import fit
from jaxdl.training.parallel import Parallel
from tests.faults.wide import loop, task


def test_a_run_and_the_operations_keep_float32(tmp_path):
    fit(task(), loop(2), tmp_path)
    process = subprocess.run(
        [sys.executable, "-m", "tests.faults.wide", tmp_path],
        env={**os.environ, "JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout == ""
    like = jax.eval_shape(task().init, jax.random.key(0))
    assert int(Checkpoints(tmp_path / "checkpoints").restore(like)[0].step) == 4  # dtypes fit


def test_every_parameter_says_its_dtype():
    root = Path(jaxdl.__file__).parent
    without = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("self.param", "module.param")
        if len(node.args) < 4 and not any(word.arg == "dtype" for word in node.keywords)
    ]
    assert without == []  # the initializers' own default follows jax_enable_x64


def test_without_compiling_there_is_one_sentence(monkeypatch):
    with jax.disable_jit(), pytest.raises(UsageError, match="JAX_DISABLE_JIT: training is one"):
        Parallel()
