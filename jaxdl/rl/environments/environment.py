"""What an environment is: pure functions of one state, with no clock and no automatic reset."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxdl.typing import Array, Host, Key, Tree


@dataclass(frozen=True)
class Discrete:
    """Actions 0 .. count - 1, int32 scalars."""

    count: int


@dataclass(frozen=True)
class Box:
    """Actions `(size,)` float32 between `low` and `high`; what lies outside counts as the limit."""

    size: int
    low: float
    high: float


@dataclass(frozen=True)
class Environment(ABC):
    """A Markov decision process as functions of one state; `vmap` gives many, `scan` a time.

    A state is any tree of arrays. `time_limit` is the number of steps after which an episode is
    truncated (0: never); `episodes.py` counts them, so that a truncation is never taken for an end.
    `gymnasium` is the id of the same environment there, "" if there is none. Agents divide what
    they see by `scale`, the usual size of each number, where it is given.
    """

    name: ClassVar[str]
    actions: ClassVar[Discrete | Box]
    time_limit: ClassVar[int] = 0
    gymnasium: ClassVar[str] = ""
    scale: ClassVar[tuple[float, ...]] = ()

    @abstractmethod
    def reset(self, key: Key) -> Tree:
        """The first state of an episode."""

    @abstractmethod
    def step(self, key: Key, state: Tree, action: Array) -> tuple[Tree, Array, Array]:
        """(next state, reward, terminated): float32 and bool scalars. A terminated state is kept
        as it is; what comes after it is not defined."""

    @abstractmethod
    def observe(self, state: Tree) -> Array:
        """What an agent sees of a state: float32, or bool pixels `(H, W, C)`."""

    def draw(self, state: Any) -> Host | None:
        """A state on the host as a uint8 picture `(H, W, 3)`, or None where there is none."""
        return None
