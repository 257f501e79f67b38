"""The other end of a `worker`: asks it, waits so long and no longer, starts it again."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

# JAX takes three quarters of the device's memory otherwise, and torch's process finds none.
ALONE = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PYTHONUNBUFFERED": "1"}


class Side:
    """A worker process, named jaxdl or torch."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.start()

    def start(self) -> None:
        """A fresh process."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jaxdl.bench.accelerator.worker", self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ALONE,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True)
        reader.start()

    def send(self, **ask: Any) -> None:
        """Asks, without waiting; answers come in order."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: `receive` says so
            self.process.stdin.write(json.dumps(ask) + "\n")
            self.process.stdin.flush()

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next answer; `{"error": ...}` where none came, and then the process is a new one."""
        try:
            line = self.lines.get(timeout=max(seconds, 0.1))
        except queue.Empty:
            self.restart()
            return {"error": f"no answer within {seconds:.0f} s"}
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.restart()
        return {"error": f"the process ended with code {code}"}

    def ask(self, patience: float, **ask: Any) -> dict[str, Any]:
        """`send` and `receive`."""
        self.send(**ask)
        return self.receive(patience)

    def restart(self) -> None:
        """Ends the process and starts another."""
        self.end()
        self.start()

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()

    @staticmethod
    def _read(process: Any, lines: "queue.Queue[str]") -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put("")
