"""Real jaxdl processes: started fast, watched, signalled."""

import json
import os
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = ("run", "digits_mlp", "--data.test=test[:32]")  # fewer pictures to draw
LONG = ("--loop.epochs=100000", "--optim.schedule=constant")  # runs until it is stopped
OPTIONAL = ("torch", "tensorflow", "torchvision", "pycocotools", "gymnasium", "tensorboardX")
CLOCK = ("seconds", "examples_per_second")
PATIENCE = 120.0  # seconds that a busy machine may need for what takes two


class Nursery:
    """The process that forks the others."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, **request):
        """The answer to a request."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Command:
    """A running `jaxdl` with its output in files."""

    def __init__(self, nursery: Nursery, folder: Path, args, *, cwd=ROOT, env=None, conditions=()):
        folder.mkdir(parents=True, exist_ok=True)
        count = len(list(folder.glob("*.err")))
        self.out, self.err = folder / f"{count}.out", folder / f"{count}.err"
        self.err.touch()  # the process makes it too late for the next one's count
        self.nursery, self.code, self.cpu = nursery, None, 0.0
        self.began = time.monotonic()
        self.pid = nursery.ask(
            start=[str(arg) for arg in args],
            out=str(self.out),
            err=str(self.err),
            cwd=str(cwd),
            env=env or {},
            conditions=[list(condition) for condition in conditions],
        )
        self.life = os.pidfd_open(self.pid)

    @property
    def said(self) -> str:
        """What it has printed to stderr."""
        return self.err.read_bytes().decode(errors="replace") if self.err.exists() else ""

    @property
    def printed(self) -> str:
        """What it has printed to stdout."""
        return self.out.read_bytes().decode(errors="replace") if self.out.exists() else ""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, as soon as there is one."""
        if self.code is None and select.select([self.life], [], [], 0)[0]:
            status, self.cpu = self.nursery.ask(wait=self.pid)
            self.code = os.waitstatus_to_exitcode(status)
            self.seconds = time.monotonic() - self.began
            os.close(self.life)
        return self.code

    def wait(self, timeout: float = PATIENCE) -> int:
        """Its exit code."""
        if self.code is None:
            select.select([self.life], [], [], timeout)
        self.poll()
        assert self.code is not None, f"still running after {timeout} s:\n{self.said}"
        return self.code

    def until(self, happened, timeout: float = PATIENCE) -> bool:
        """Waits until `happened()` is true or the process ends; whether it still runs."""
        end = time.monotonic() + timeout
        while not happened() and self.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        return self.code is None

    def until_said(self, words: str, timeout: float = PATIENCE) -> bool:
        """Waits until it has printed `words` to stderr; whether it still runs."""
        return self.until(lambda: words in self.said, timeout)

    @property
    def continuation(self) -> list[str]:
        """The arguments of the command that continues it, as it printed them."""
        return shlex.split(self.said.partition("continue it with: jaxdl ")[2].splitlines()[0])

    @property
    def resumed_at(self) -> int | None:
        """The step that it said it goes on from."""
        found = self.said.partition("resumed at step ")[2].split()
        return int(found[0]) if found else None

    def send(self, signum: int) -> None:
        """Sends it a signal."""
        if self.poll() is None:
            os.kill(self.pid, signum)


@pytest.fixture(scope="session")
def nursery():
    """One for all tests."""
    made = Nursery()
    yield made
    made.process.stdin.close()
    made.process.stdout.close()
    made.process.wait(10)


@pytest.fixture(scope="module")
def start(nursery, tmp_path_factory):
    """`start("run", "digits_mlp", ...)`: a Command; all that still run are killed at the end."""
    folder, started = tmp_path_factory.mktemp("output"), []

    def begin(*args, **options) -> Command:
        started.append(Command(nursery, folder, args, **options))
        return started[-1]

    yield begin
    for command in started:
        command.send(9)
        command.wait()


@pytest.fixture(scope="session")
def reference(nursery, tmp_path_factory):
    """The run folder of an uninterrupted `digits_mlp`, where nothing optional is installed."""
    folder = tmp_path_factory.mktemp("reference")
    args = [*BASE, "--run-dir", folder / "run"]
    command = Command(nursery, folder, args, conditions=[("without", *OPTIONAL)])
    assert command.wait() == 0, command.said
    return folder / "run"


def read_lines(path: Path) -> list[dict]:
    """The rows of a metrics.jsonl as they stand in the file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def numbers(run_dir: Path) -> list[dict]:
    """The rows of a run without those of the clock."""
    rows = read_lines(run_dir / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k not in CLOCK} for row in rows]


def report(run_dir: Path) -> dict:
    """The report of a run."""
    return json.loads((run_dir / "report.json").read_text())


def saved_steps(run_dir: Path) -> list[int]:
    """The steps whose checkpoints have been acknowledged: their manifests stand."""
    found = (run_dir / "checkpoints").glob("*.manifest.json")
    return sorted(int(path.name.split(".")[0]) for path in found)
