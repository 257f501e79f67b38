"""Whole runs of `jaxdl bench --device`: what accuracy they reach, in what time."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxdl.bench.accelerator.side import ALONE

RUNS = {  # config -> its file of rows, flags
    "mnist_lenet": ("mnist.npz", []),
    # As many steps as 10 epochs of the whole set have, of which the file may hold a part.
    "cifar10_speed": ("cifar10.npz", ["--precision", "bfloat16", "--loop.steps", "500"]),
}
PATIENCE = 120.0


def quality_runs(
    data: Path, tiny: bool, left: Callable[[], float]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(config, accuracy and seconds, or what failed) of each run on the rows in `data`."""
    for config, (file, flags) in RUNS.items():
        path = data / file
        if not path.exists():
            yield config, {"error": f"{path} is not there"}
        elif left() < 10:
            yield config, {"error": "left out, for time"}
        else:
            steps = ["--loop.steps", "2", "--optim.warmup", "0"] if tiny else []
            yield config, run(config, path, [*flags, *steps], min(PATIENCE, left()))


def run(config: str, path: Path, flags: list[str], patience: float) -> dict[str, Any]:
    """`jaxdl run` of a config on an `.npz` file, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", config, "--data.name", "npz", "--data.path", str(path.resolve())]
        words += ["--run-dir", f"{folder}/run", *flags]
        began = time.monotonic()
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "jaxdl.cli", *words],
                capture_output=True,
                text=True,
                timeout=patience,
                env=os.environ | ALONE,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not done within {patience:.0f} s"}
        seconds = round(time.monotonic() - began, 1)
        report = Path(folder) / "run" / "report.json"
        if ended.returncode or not report.exists():
            return {"error": f"code {ended.returncode}: {ended.stderr[-600:]}"}
        said = json.loads(report.read_text())
    return {"metrics": said["metrics"], "process_seconds": seconds} | {
        name: said[name] for name in ("seconds", "examples_per_second") if name in said
    }
