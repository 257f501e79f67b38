"""What training scripts wrap around weights: containers beside other things, and prefixes."""

from collections.abc import Mapping
from typing import TypeVar

from jaxdl.checks import UsageError

T = TypeVar("T")
# The first that is there is taken; averaged weights only where there are no others.
CONTAINERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
)
# Of torch.compile, several devices (and torch's averaged models), Lightning.
PREFIXES = ("_orig_mod", "module", "model")
WHOLE = "all"  # the part that is the file as it is
COUNTER = "n_averaged"  # a number that torch's averaged models keep beside their module


def unwrap(
    arrays: Mapping[str, T], part: str | None = None, *, who: str = "weights"
) -> tuple[dict[str, T], list[str]]:
    """The weights among names that are joined by dots, under their plain names; what was done.

    Containers (`state_dict.`, `model_ema.`) are opened and prefixes that all names share
    (`module.`, `_orig_mod.`, `model.`) are cut off, as often as there is one. `part` names the
    container to take in place of the usual one; "all" leaves every name as it is.

    Raises UsageError where there is no such part.
    """
    left, done = dict(arrays), []
    if part == WHOLE:
        return left, done
    if part is not None and not any(name.startswith(f"{part}.") for name in left):
        there = ", ".join(sorted({name.split(".")[0] for name in left})[:10])
        raise UsageError(f"{who}: has no part {part!r}; it has {there or 'no arrays'}")
    if part is not None:
        left = _take(left, part, done)
    while True:
        left.pop(COUNTER, None)
        firsts = {name.partition(".")[0] for name in left if "." in name}
        shared = firsts if all("." in name for name in left) else set()
        container = next((name for name in CONTAINERS if name in firsts), None)
        if len(shared) == 1 and shared <= {*PREFIXES, *CONTAINERS}:
            left = _take(left, shared.pop(), done)
        elif container is not None:
            left = _take(left, container, done)
        else:
            return left, done


def _take(arrays: dict[str, T], first: str, done: list[str]) -> dict[str, T]:
    """The arrays whose names begin with `first`, without it."""
    taken = {n.removeprefix(f"{first}."): a for n, a in arrays.items() if n.startswith(f"{first}.")}
    others = sorted({name.partition(".")[0] for name in arrays} - {first})
    if others:
        shown = ", ".join(others[:5]) + ", ..." * (len(others) > 5)
        done.append(
            f"taken: {len(taken)} arrays of {first}, not the {len(arrays) - len(taken)} of {shown}"
        )
    else:
        done.append(f"{first}. cut off the names")
    return taken
