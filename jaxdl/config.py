"""TOML, then flags, into one frozen dataclass: both are checked by the same parser.

A TOML file is flattened to `--a.b=value` arguments ahead of the user's own, which win. A field of a
type with `choose(name)` (a model, say) is read in two stages: its name, then that one's options.
"""

import contextlib
import dataclasses
import difflib
import io
import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jaxdl.checks import UsageError
from jaxdl.old_names import ADDED, EXPERIMENTS, FIELDS, FIELDS_OF, FOREIGN, RULES_OF, UNSET, VALUES
from jaxdl.plain_file import read_tables
from jaxdl.say import say_once

T = TypeVar("T")
MOST = 200_000  # bytes of a config
HELP = ("-h", "--help")


def read_toml(path: Path) -> dict[str, Any]:
    """The table in `path`, under today's names. UsageError where the file is absent or no TOML."""
    try:
        table = read_tables(path, most=MOST)
    except OSError as error:
        raise UsageError(f"config {path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UsageError(f"config {path}: not valid TOML ({error})") from None
    return rename_table(table, f"config {path}")


def rename_table(table: dict[str, Any], who: str) -> dict[str, Any]:
    """A config with the names and values of an earlier version replaced, which is said on stderr.

    Raises UsageError where a field is given under both its names, and both say something.
    """
    flat, said, new = flatten(table), [], {}
    experiment = str(flat.get("experiment", ""))
    if experiment in EXPERIMENTS:
        said.append(f"{experiment} -> {EXPERIMENTS[experiment]}")
        flat["experiment"] = experiment = EXPERIMENTS[experiment]
    today = {name: _rename(name, experiment) for name in flat}
    for name, current in sorted(today.items(), key=lambda pair: pair[0] != pair[1]):
        value, twice = flat[name], list(today.values()).count(current) > 1
        said += [f"{name} -> {current}"] * (current != name)
        if twice and UNSET.get(current) == value:
            continue
        if current in new:
            raise UsageError(f"{who}: {name} is the old name of {current}; give one")
        new[current] = _revalue(current, value)
        said += [f"{current} = {value} -> {new[current]}"] * (new[current] != value)
    if not said:
        return table
    say_renamed(who, said)
    new = _without_idle(new)
    return _nest({name: v for name, v in new.items() if name not in UNSET or UNSET[name] != v})


def rename_flags(argv: Sequence[str], experiment: str, who: str = "flags") -> list[str]:
    """Flags of an experiment with old names and values replaced, as `rename_table` does."""
    new, said, name, given = [], [], "", {}
    for word in map(_dashed, argv):
        flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if flag:
            old, name = flag[2:], _rename(flag[2:], experiment)
            if given.setdefault(name, old) != old:
                raise UsageError(f"{who}: {old} and {given[name]} both mean {name}; give one")
            said += [f"{old} -> {name}"] * (name != old)
            flag = f"--{name}"
        current = str(_revalue(name, value))
        said += [f"{name} = {value} -> {current}"] * (current != value)
        new.append(flag + equals + current)
    if said:
        say_renamed(who, said)
    return new


def say_renamed(who: str, changes: Sequence[str]) -> None:
    """One line on stderr, once a process: which old names were read as which new ones."""
    say_once(f"{who}: names of an earlier version, read as {', '.join(changes)}")


def flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"optim": {"lr": 1}}` -> `{"optim.lr": 1}`."""
    flat = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def as_flags(flat: dict[str, Any]) -> list[str]:
    """Arguments that say the same: `{"a.b": 1}` -> `["--a.b=1"]`; a list gives several words."""
    flags = []
    for name, value in flat.items():
        if isinstance(value, list):
            flags += [f"--{name}", *map(str, value)]
        else:
            flags.append(f"--{name}={value}")
    return flags


def parse(cls: type[T], table: dict[str, Any], argv: Sequence[str], *, path: Path, prog: str) -> T:
    """`cls` filled from its defaults, then `table` (of the file `path`), then the flags `argv`.

    Raises UsageError for anything unknown or of a wrong type, naming the file where it came from.
    """
    flat, argv = flatten(table), [_dashed(word) for word in argv]
    cls, flat = _choose(cls, flat, argv, "")
    argv = _booleans(cls, argv)
    exclusive = _exclusive(cls, "")
    _check_known(cls, flat, f"config {path}")
    from_file = _unset_rivals(exclusive, as_flags(flat), f"config {path}")
    start = _tyro(cls, from_file, prog, f"config {path}")
    if any(word in HELP for word in argv):  # shows the values of the file as the defaults, and ends
        _tyro(cls, argv, prog, "flags", default=start)
    config = _tyro(cls, [*from_file, *_unset_rivals(exclusive, argv, "flags")], prog, "flags")
    _check_values(config, exclusive)
    return config


def to_table(config: Any) -> dict[str, Any]:
    """A dataclass as nested plain values for TOML or JSON, without the fields that are None."""
    table = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            table[field.name] = to_table(value)
        elif isinstance(value, tuple):
            table[field.name] = list(value)
        elif value is not None:
            table[field.name] = value
    return table


def differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted name -> (old, new) wherever two tables differ; None stands for absent."""
    old, new = flatten(old), flatten(new)
    names = sorted(old.keys() | new.keys())
    return {n: (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}


def shared_fields(a: type, b: type) -> set[str]:
    """The fields of the nearest class that both derive from."""
    nearest: Any = next(c for c in a.__mro__ if issubclass(b, c))
    return {field.name for field in dataclasses.fields(nearest)}


def _rename(name: str, experiment: str) -> str:
    """Today's name of a field; the longest part of the old one that is known is replaced."""
    table = FIELDS | FIELDS_OF.get(experiment, {})
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        if (old := ".".join(parts[:count])) in table:
            return ".".join([table[old], *parts[count:]])
    return name


def _without_idle(flat: dict[str, Any]) -> dict[str, Any]:
    """A config of an earlier version without the options that its update rule does not use."""
    kept = {}
    for name, value in flat.items():
        table, _, option = name.rpartition(".")
        rules = RULES_OF.get(option) if table in ("optim", "prior.optim") else None
        rule = flat.get(f"{table}.name")
        if rules is None or rule is None or rule in rules:
            kept[name] = value
    return kept


def _revalue(name: str, value: Any) -> Any:
    """Today's value of the field `name`."""
    if isinstance(value, list):
        return [_revalue(name, v) for v in value]
    return VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value


def _nest(flat: dict[str, Any]) -> dict[str, Any]:
    """`{"optim.lr": 1}` -> `{"optim": {"lr": 1}}`."""
    table: dict[str, Any] = {}
    for name, value in flat.items():
        *tables, last = name.split(".")
        inner = table
        for part in tables:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return table


def _dashed(word: str) -> str:
    # `--data.batch-size` is the field `batch_size`; the file uses the field's own name.
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _booleans(cls: type, argv: list[str]) -> list[str]:
    """`true` and `false`, as TOML writes them, behind flags of bool fields as tyro wants them."""
    flags = {f"--{name}" for name in _names(cls, "", kinds=(bool, "bool"))}
    spelled = {"true": "True", "false": "False"}
    made = []
    for before, word in itertools.pairwise(["", *argv]):
        name, equals, value = word.partition("=")
        if equals and name in flags:
            word = f"{name}={spelled.get(value, value)}"
        made.append(spelled.get(word, word) if before in flags else word)
    return made


def _choose(
    cls: type, flat: dict[str, Any], argv: list[str], prefix: str, values: Any = None
) -> tuple[type, dict]:
    """`cls` with each field that has a choice replaced by the chosen variant's own dataclass.

    The defaults are those of the instance `values`, where there is one.
    """
    swaps = []
    for field in dataclasses.fields(cls):
        default: Any = getattr(values, field.name, field.default)
        if not dataclasses.is_dataclass(default):
            continue
        if hasattr(default, "choose"):
            start, flat = _chosen(default, flat, argv, f"{prefix}{field.name}.")
        else:
            inner, flat = _choose(type(default), flat, argv, f"{prefix}{field.name}.", default)
            start = default if inner is type(default) else inner(**_values(default, inner))
        if start is not default:
            swaps.append((field.name, type(start), dataclasses.field(default=start)))
    if not swaps:
        return cls, flat
    made = dataclasses.make_dataclass(cls.__name__, swaps, bases=(cls,), frozen=True)
    made.__module__, made.__doc__ = cls.__module__, cls.__doc__
    return made, flat


def _chosen(default: Any, flat: dict[str, Any], argv: list[str], prefix: str) -> tuple[Any, dict]:
    """The defaults of the variant that file or flags name; what only another one had is dropped.

    The fields of the nearest class that both derive from are shared and stay.
    """
    base: Any = next(c for c in reversed(type(default).__mro__) if "choose" in vars(c))
    in_file = flat.get(f"{prefix}name", default.name)
    name = _last_flag(argv, f"{prefix}name") or in_file
    variant = base.choose(name)
    if name != in_file:  # options of the file's choice mean nothing to another
        shared = shared_fields(base.choose(in_file), variant)
        foreign = {k for k in flat if k.startswith(prefix) and k[len(prefix) :] not in shared}
        flat = {k: v for k, v in flat.items() if k not in foreign and k != f"{prefix}name"}
    has = {prefix + field.name for field in dataclasses.fields(variant)}
    flat = without_foreign(flat, has)
    values = _values(default, variant)
    if name != default.name:
        shared = shared_fields(type(default), variant)
        values = {k: v for k, v in values.items() if k in shared}
    return variant(**values | {"name": name}), flat


def without_foreign(flat: dict[str, Any], has: Collection[str]) -> dict[str, Any]:
    """Without options of other sources, which meant nothing where configs still listed them all."""
    return {k: v for k, v in flat.items() if k in has or k not in FOREIGN or FOREIGN[k] != v}


def with_added(flat: dict[str, Any], new: Collection[str]) -> dict[str, Any]:
    """A config of an earlier version with those options of `new` that there were not yet."""
    return {name: ADDED[name] for name in new if name in ADDED} | flat


def _values(config: Any, cls: type) -> dict[str, Any]:
    """The values of `config` for those of its fields that `cls` has, but for what `cls` changed."""
    kept = {}
    for field in dataclasses.fields(config):
        value: Any = getattr(config, field.name)
        theirs: Any = next((f for f in dataclasses.fields(cls) if f.name == field.name), None)
        if theirs is not None:
            swapped = dataclasses.is_dataclass(value) and not isinstance(value, theirs.type)
            kept[field.name] = theirs.default if swapped else value
    return kept


def _last_flag(argv: list[str], name: str) -> str | None:
    found = None
    for word, following in itertools.pairwise([*argv, ""]):
        if word == f"--{name}":
            found = following
        elif word.startswith(f"--{name}="):
            found = word.partition("=")[2]
    return found


def _exclusive(cls: type, prefix: str) -> list[tuple[str, ...]]:
    """The groups of dotted names of which one may be set (`one_of` of the dataclasses)."""
    groups = [tuple(prefix + n for n in group) for group in getattr(cls, "one_of", ())]
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(field.default):
            groups += _exclusive(type(field.default), f"{prefix}{field.name}.")
    return groups


def _unset_rivals(groups: list[tuple[str, ...]], flags: list[str], who: str) -> list[str]:
    """`flags`, led by `None` for the rivals of each name that they set."""
    said = set()
    for word, following in itertools.pairwise([*flags, ""]):
        name, equals, value = word[2:].partition("=")
        if word.startswith("--") and (value if equals else following) != "None":
            said.add(name)
    unset = []
    for group in groups:
        named = [name for name in group if name in said]
        if len(named) > 1:
            raise UsageError(f"{who}: {' and '.join(named)} exclude each other; give one")
        if named:
            unset += [f"--{name}=None" for name in group if name not in named]
    return [*unset, *flags]


def _check_values(config: Any, groups: list[tuple[str, ...]]) -> None:
    """Raises UsageError for numbers that no array holds, and groups of which none is set."""
    flat = flatten(to_table(config))
    for name, value in flat.items():
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise UsageError(f"{name} must fit into 64 bits, got {value!s:.30}")
    for group in groups:
        if not any(name in flat for name in group):
            raise UsageError(f"{' and '.join(group)} are both None; give one")


def _tyro(cls: type[T], flags: list[str], prog: str, who: str, default: T | None = None) -> T:
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            off = (tyro.conf.FlagConversionOff,)
            more: dict[str, Any] = {} if default is None else {"default": default}
            return tyro.cli(cls, args=flags, prog=prog, config=off, **more)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UsageError(f"{who}:\n{said.getvalue().rstrip()}{_near(cls, flags)}") from None
    except UsageError as error:  # from a dataclass's own check
        raise UsageError(f"{who}: {error}") from None


def _check_known(cls: type, flat: Collection[str], who: str) -> None:
    """Raises UsageError for very many fields that are unknown: tyro would look for minutes."""
    strange = sorted(set(flat) - set(_names(cls, "")))
    if len(strange) > 20:  # fewer are named by the parser itself
        raise UsageError(f"{who}: {len(strange)} unknown fields: {strange[:5]!r:.300}, ...")


def _near(cls: type, flags: list[str]) -> str:
    """What else the unknown ones among `flags` may mean: `--lrr` may be `--optim.lr`."""
    known = _names(cls, "")
    lines = []
    for word in flags:
        name = word[2:].partition("=")[0]
        if not word.startswith("--") or name in known:
            continue
        last = {n.rpartition(".")[2] for n in known}
        close = difflib.get_close_matches(name.rpartition(".")[2], last, 1, cutoff=0.6)
        meant = [f"--{n}" for n in known if n.rpartition(".")[2] in close]
        others = _variants_with(cls, name)
        if others:
            table = name.rpartition(".")[0]
            lines.append(f"\n--{name}: an option of {table}.name = {', '.join(others)}")
        elif meant:
            lines.append(f"\n--{name}: did you mean {', '.join(meant[:3])}?")
    return "".join(lines)


def _variants_with(cls: type, name: str) -> list[str]:
    """The variants of a family that have an option, where the family tells (`known_by`)."""
    *tables, option = name.split(".")
    for table in tables:
        fields = {field.name: field.default for field in dataclasses.fields(cls)}
        if not dataclasses.is_dataclass(fields.get(table)):
            return []
        cls = type(fields[table])
    return cls.known_by(option) if hasattr(cls, "known_by") else []  # pyright: ignore


def _names(cls: type, prefix: str, kinds: tuple[Any, ...] = ()) -> list[str]:
    """The dotted names of all fields of a dataclass, or of those whose type is one of `kinds`."""
    names = []
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(field.default):
            names += _names(type(field.default), f"{prefix}{field.name}.", kinds)
        elif not kinds or field.type in kinds:
            names.append(prefix + field.name)
    return names
