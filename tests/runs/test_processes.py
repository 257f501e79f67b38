"""Several processes at one run, on a machine's CPU: what one process with as many devices has."""

import socket
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from jaxdl.training.plan import LoopConfig
from tests.faults.conftest import ROOT
from tests.training import process_worker


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@cache
def train_together(count, folder):
    """`count` processes that leave what they end with in `folder`."""
    port = free_port()
    words = [sys.executable, "-m", "tests.training.process_worker"]
    started = [
        subprocess.Popen(
            [*words, str(number), str(count), str(port), str(folder)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    said = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0] * count, "\n".join(said)


@pytest.mark.parametrize(
    ("count", "name"), [*((2, name) for name in process_worker.TASKS), (4, "resident")]
)
def test_processes_end_where_one_process_does(count, name, tmp_path, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / f"processes{count}"
    train_together(count, folder)
    loop = LoopConfig(steps=12, log_every=4, parallel="shard_map", best="val_loss", devices=count)
    if name == "local":
        loop = LoopConfig(steps=12, parallel="shard_map", devices=count)
    want, rows, best = process_worker.train(name, tmp_path, loop)
    ends = [np.load(folder / f"{name}{number}.npz") for number in range(count)]
    for path, value in want.items():
        np.testing.assert_allclose(ends[0][path], value, rtol=1e-6, atol=1e-6)
        for end in ends[1:]:
            np.testing.assert_array_equal(end[path], ends[0][path])
    for end in ends:
        told, told_best = eval(str(end["rows"]), {"nan": float("nan")})
        assert told_best == best
        assert [row["step"] for row in told] == [row["step"] for row in rows]
        for mine, row in zip(told, rows, strict=True):
            np.testing.assert_allclose(list(mine.values()), list(row.values()), rtol=1e-4)
    kept = [(folder / f"process{n}" / name / "checkpoints").glob("*.json") for n in range(count)]
    assert [any(found) for found in kept] == [True] + [False] * (count - 1)
