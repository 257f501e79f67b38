"""Which settings a search tries: the points of a grid, or random draws; nothing is trained here."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxdl.checks import UsageError

Setting = dict[str, str]  # dotted field name -> what a flag would say


@dataclass(frozen=True)
class Range:
    """Numbers between `low` and `high`: their logarithms are uniform, or they are themselves."""

    name: str
    low: float
    high: float
    scale: str = "log"

    def __post_init__(self) -> None:
        if self.scale not in ("log", "linear"):
            raise UsageError(f"--random {self.name}: the scale must be log or linear")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"--random {self.name}: LOW must be below HIGH, got {self.low:g}:{self.high:g}"
            )
        if self.scale == "log" and self.low <= 0:
            raise UsageError(
                f"--random {self.name}: LOW must be > 0 on a logarithmic scale, got {self.low:g}; "
                f"or say {self.name}={self.low:g}:{self.high:g}:linear"
            )

    def at(self, share: float) -> float:
        """The number at `share` in [0, 1] of the way from `low` to `high`."""
        if self.scale == "linear":
            return self.low + share * (self.high - self.low)
        return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))


def read_grid(spec: str) -> tuple[str, list[str]]:
    """`optim.lr=0.1,0.01` -> name and values; a value of several words is one of a list field."""
    name, values = _halves(spec, "--grid NAME=VALUE,VALUE,...")
    split = [value.strip() for value in values.split(",")]
    if "" in split:
        raise UsageError(f"--grid {spec}: there is an empty value")
    if len(set(split)) < len(split):
        raise UsageError(f"--grid {spec}: a value stands there twice")
    return name, split


def read_range(spec: str) -> Range:
    """`optim.lr=1e-4:1e-1` or `optim.momentum=0.5:0.99:linear`."""
    name, text = _halves(spec, "--random NAME=LOW:HIGH, or NAME=LOW:HIGH:linear")
    low, _, rest = text.partition(":")
    high, _, scale = rest.partition(":")
    try:
        return Range(name, float(low), float(high), scale or "log")
    except UsageError:
        raise
    except ValueError:
        raise UsageError(f"--random {spec}: give NAME=LOW:HIGH, two numbers") from None


def draws(count: int, names: int, seed: int) -> np.ndarray:
    """Uniform numbers in [0, 1), `(count, names)`: Philox's raw words, which never change.

    The first rows do not depend on `count`, so that a search may be made longer.
    """
    words = np.random.Philox(key=np.array([seed, 2**33], np.uint64)).random_raw(count * names)
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(count, names)


def enumerate_settings(
    grid: Sequence[str], random: Sequence[str], trials: int, seed: int, whole: Sequence[str] = ()
) -> list[Setting]:
    """Every setting of the search in order: each random draw with each point of the grid.

    The last name of the grid varies fastest. Draws for the names in `whole` are rounded.
    """
    points = [read_grid(spec) for spec in grid]
    ranges = [read_range(spec) for spec in random]
    names = [name for name, _ in points] + [each.name for each in ranges]
    if not names:
        raise UsageError("sweep: give --grid NAME=VALUE,... or --random NAME=LOW:HIGH")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"sweep: {twice[0]} is searched twice")
    if ranges and trials < 1:
        raise UsageError(f"--trials must be at least 1, got {trials}")
    drawn: list[Setting] = [{}]
    if ranges:
        shares = draws(trials, len(ranges), seed)
        drawn = [
            {r.name: _text(r.at(s), r.name in whole) for r, s in zip(ranges, row, strict=True)}
            for row in shares.tolist()
        ]
    grids = [
        dict(zip([name for name, _ in points], values, strict=True))
        for values in itertools.product(*(values for _, values in points))
    ]
    settings = [point | draw for draw in drawn for point in grids]
    # Draws of a whole number may repeat: each is tried once.
    return list({tuple(s.items()): s for s in settings}.values())


def _text(value: float, whole: bool) -> str:
    return str(round(value)) if whole else f"{value:.6g}"


def _halves(spec: str, form: str) -> tuple[str, str]:
    name, equals, values = spec.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    if not equals or not name or not values.strip():
        raise UsageError(f"{spec!r}: give {form}")
    return name, values.strip()
