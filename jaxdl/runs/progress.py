"""What a run shows as it goes: a line rewritten in place on a terminal, plain lines elsewhere."""

import os
import sys
import time

from jaxdl.typing import Numbers


class Progress:
    """The progress line of a run of `steps` steps of `batch_size` examples."""

    def __init__(self, steps: int, batch_size: int) -> None:
        self.total, self.batch_size = steps, batch_size
        self.examples, self.busy = 0.0, 0.0
        self.last, self.tty, self.width = 0.0, sys.stderr.isatty(), 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *reason: object) -> None:
        if self.tty:
            self._print("\n")

    def advance(self, step: int, count: int, seconds: float, row: Numbers) -> None:
        """Counts `count` more steps that took `seconds`; moves the line, often on a terminal.

        `row` is the last of the log, whose losses are shown.
        """
        self.examples += count * self.batch_size
        self.busy += seconds
        if time.monotonic() - self.last > (0.5 if self.tty else 30):
            self.show(step, row)

    def rate(self) -> float:
        """Examples per second so far, in this process."""
        return round(self.examples / self.busy, 1) if self.busy else 0.0

    def show(self, step: int, row: Numbers) -> None:
        """The progress line, where one is due: step, rate, time left, every loss of `row`."""
        if not (self.tty or time.monotonic() - self.last > 5 or step == self.total):
            return
        rate = self.rate()
        left = (self.total - step) * self.batch_size / rate if rate else 0.0
        shown = "".join(f"  {name} {row[name]:.4f}" for name in losses(row))
        self.say(f"{rate:,.0f} examples/s  {left:.0f} s left{shown}", f"step {step}/{self.total}")

    def say(self, text: str, who: str = "") -> None:
        """One line of progress: rewritten in place on a terminal, else a plain line."""
        line = f"{who}  {text}".strip()
        if self.tty:
            room = _columns() - 1
            self._print("\r" + line[:room].ljust(min(self.width, room)))
            self.width = len(line[:room])
        else:
            self._print(line + "\n")
        self.last = time.monotonic()

    def keep(self, text: str) -> None:
        """A line that stays where the next one of progress comes, on a terminal, too."""
        self._print(("\n" if self.width else "") + text + "\n")
        self.width = 0

    def _print(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # whoever read it is gone; the run goes on
            self.tty = False


def losses(row: Numbers) -> list[str]:
    """The training losses of a row of the log: `loss`, and a GAN's `d_loss` and `g_loss`."""
    return [n for n in row if "loss" in n.split("_") and not n.startswith("val_")]


def _columns() -> int:
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 2)
    except (OSError, ValueError):
        return 80
