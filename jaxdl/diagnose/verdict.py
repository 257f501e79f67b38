"""A verdict: what was looked at, how it stands, and the number that says so."""

from collections.abc import Sequence
from dataclasses import dataclass

STATES = ("pass", "warn", "fail", "unknown")


@dataclass(frozen=True)
class Verdict:
    """One line of `jaxdl check`."""

    name: str
    state: str
    words: str

    def __str__(self) -> str:
        return f"{self.state:7}  {self.name:16}  {self.words}"


def judge(
    name: str, value: float, words: str, *, good: Sequence[float], bad: Sequence[float]
) -> Verdict:
    """pass within `good` (low, high), warn outside of it, fail outside of `bad` or not finite."""
    inside = [low <= value <= high for low, high in (good, bad)]
    return Verdict(name, "pass" if inside[0] else "warn" if inside[1] else "fail", words)


def unknown(name: str, words: str) -> Verdict:
    """A verdict that this task does not allow."""
    return Verdict(name, "unknown", words)
