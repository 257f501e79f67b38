"""Configs of a search: which fields are numbers of `TrainState.hyper`, and one config a program."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jaxdl.checks import UsageError
from jaxdl.config import as_flags
from jaxdl.search.space import Setting
from jaxdl.search.trials import Trial
from jaxdl.training.task import Task

ReadConfig = Callable[[list[str]], Any]  # flags beside the user's -> the config


@dataclass(frozen=True)
class Program:
    """Settings that one compiled program serves: `fixed` of it, and a trial for each setting."""

    fixed: Setting
    cfg: Any
    places: tuple[int, ...]
    trials: tuple[Trial, ...]


def value_at(cfg: Any, name: str) -> Any:
    """The field with the dotted `name`, or None where there is none."""
    for part in name.split("."):
        cfg = getattr(cfg, part, None)
    return cfg


def replace_at(cfg: Any, name: str, value: Any) -> Any:
    """`cfg` with the field of the dotted `name` replaced; the dataclasses' own checks hold."""
    first, _, rest = name.partition(".")
    inner = replace_at(getattr(cfg, first), rest, value) if rest else value
    return dataclasses.replace(cfg, **{first: inner})


def is_whole(cfg: Any, name: str) -> bool:
    """Whether the field takes whole numbers (fields that are None are lengths: they do)."""
    value = value_at(cfg, name)
    if isinstance(value, tuple):
        value = value[0] if value else 0
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def traced_names(task: Task, cfg: Any) -> dict[str, str]:
    """Dotted field -> name in `TrainState.hyper` ("" for the seed): what needs no new program."""
    hyper = jax.eval_shape(task.init, jax.random.key(0)).hyper
    names = {f"optim.{name}": name for name in hyper}
    names = {field: name for field, name in names.items() if value_at(cfg, field) is not None}
    return names | ({"seed": ""} if isinstance(value_at(cfg, "seed"), int) else {})


def group_by_program(
    read: ReadConfig, settings: Sequence[Setting], traced: dict[str, str]
) -> list[Program]:
    """The settings by what must be compiled for them. Raises UsageError for a value that is wrong.

    Only the first setting of each program is read as flags; the others differ in numbers, which
    the config's own checks see.
    """
    found = []
    keyed = sorted((json.dumps(_fixed(s, traced)), i) for i, s in enumerate(settings))
    for _, group in itertools.groupby(keyed, key=lambda pair: pair[0]):
        places = tuple(i for _, i in group)
        cfg = read(setting_flags(settings[places[0]]))
        trials = tuple(_trial(cfg, settings[i], traced) for i in places)
        found.append(Program(_fixed(settings[places[0]], traced), cfg, places, trials))
    return sorted(found, key=lambda program: program.places)


def setting_flags(setting: Setting) -> list[str]:
    """The flags that say a setting; several words are those of a list."""
    values = {k: v.split() if len(v.split()) > 1 else v for k, v in setting.items()}
    return as_flags(values)


def _fixed(setting: Setting, traced: dict[str, str]) -> Setting:
    return {name: value for name, value in setting.items() if name not in traced}


def _trial(cfg: Any, setting: Setting, traced: dict[str, str]) -> Trial:
    numbers = {}
    for name in setting.keys() & traced.keys():
        try:
            numbers[name] = int(setting[name]) if name == "seed" else float(setting[name])
        except ValueError:
            raise UsageError(f"sweep: {name} must be a number, got {setting[name]!r}") from None
        cfg = replace_at(cfg, name, numbers[name])
    seed = int(numbers.pop("seed", getattr(cfg, "seed", 0)))
    return Trial({traced[name]: value for name, value in numbers.items()}, seed)
