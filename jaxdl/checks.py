"""One format for what goes wrong: who, what it must be, what it got, what to do."""

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

# Control characters but line feed and tab, line separators, and what turns the direction of text.
_UNSEEN = [*range(9), *range(11, 32), *range(127, 160), *range(0x2028, 0x202F)]
_UNSEEN += range(0x2066, 0x206A)
_SHOWN = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in _UNSEEN}


def printable(text: str) -> str:
    """`text` with what a terminal would obey, and not show, written out: ESC as `\\x1b`."""
    return text.translate(_SHOWN)


def one_line(text: str) -> str:
    """`printable` text that cannot begin a line of its own, as the name of a file or class may."""
    return printable(text).replace("\n", r"\n").replace("\t", r"\t")


class JaxdlError(Exception):
    """An error of the user's world (not a bug): shown as one message, with its exit code."""

    code = 1


class UsageError(JaxdlError, ValueError):
    """A flag, a config or an argument that cannot be right."""

    code = 2


class DivergedError(JaxdlError):
    """The loss or a gradient is not finite."""

    code = 3


class DeviceMemoryError(JaxdlError):
    """The device has not enough memory for the work."""

    code = 4


class RunBusyError(JaxdlError):
    """Another process writes to the run folder."""

    code = 5


class DataError(JaxdlError, ValueError):
    """Data that is missing, damaged or out of range."""

    code = 6


class CheckpointError(JaxdlError):
    """A checkpoint that cannot be written, read or used."""

    code = 7


class ProcessLostError(JaxdlError):
    """Another process of the same run is gone."""

    code = 8


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The `count` names of `known` that are closest to `name`, best first."""
    known = list(known)
    return difflib.get_close_matches(name, known, count, cutoff=0.5) or sorted(known)[:count]


def unknown(what: str, name: str, known: Iterable[str], hint: str = "") -> UsageError:
    """The error for a name that is not known: it gives the nearest ones and where to look."""
    close = ", ".join(nearest(name, known))
    return UsageError(
        f"{what}: there is no {name!r}; did you mean {close}?" + (f" {hint}" * bool(hint))
    )


def require(module: str, install: str, who: str) -> Any:
    """Imports `module` where it is used; UsageError with what to install where it is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f'{who} needs {module.partition(".")[0]} ({error}): pip install "{install}"'
        ) from None


def check_rank(who: str, x: Any, *ranks: int) -> None:
    """Raises ValueError unless `x` has one of the given numbers of axes."""
    if x.ndim not in ranks:
        want = " or ".join(map(str, ranks))
        raise ValueError(f"{who} must have {want} axes, got shape {tuple(x.shape)}")


def check_same_shape(who: str, a: Any, b: Any) -> None:
    """Raises ValueError unless `a` and `b` have equal shapes."""
    if a.shape != b.shape:
        raise ValueError(f"{who} must have equal shapes, got {tuple(a.shape)} and {tuple(b.shape)}")


def check_positive(who: str, value: float) -> None:
    """Raises ValueError unless `value` is above zero."""
    if not value > 0:
        raise ValueError(f"{who} must be > 0, got {value}")


def check_fraction(who: str, value: float) -> None:
    """Raises ValueError unless `value` lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{who} must lie in [0, 1], got {value}")


def check_at_least(who: str, value: float, least: float) -> None:
    """Raises UsageError unless `value` is `least` or more."""
    if value < least:
        raise UsageError(f"{who} must be at least {least:g}, got {value}")


def check_one_of(who: str, value: Any, options: Iterable[Any]) -> None:
    """Raises UsageError unless `value` is one of `options`."""
    options = list(options)
    if value not in options:
        raise UsageError(f"{who} must be one of {', '.join(map(str, options))}, got {value!r}")
