"""The command `jaxdl`: which command is asked for, and what a person is told of errors.

Nothing heavy is imported before a command needs it, so that --help and list answer at once.
"""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from jaxdl import __version__
from jaxdl.catalog import all_configs, home
from jaxdl.checks import JaxdlError, UsageError, nearest, printable
from jaxdl.commands import (
    bench,
    check,
    check_data,
    compare,
    completion,
    doctor,
    explain,
    export,
    models,
    new,
    predict,
    report,
    results,
    run,
    show,
    style,
    summary,
    sweep,
    weights,
)
from jaxdl.commands import list as list_configs

# Each has HELP, `add_arguments(parser)` and `run(args, rest) -> exit code`.
COMMANDS: dict[str, ModuleType] = {
    "run": run,
    "new": new,
    "list": list_configs,
    "models": models,
    "summary": summary,
    "predict": predict,
    "explain": explain,
    "show": show,
    "style": style,
    "check-data": check_data,
    "check": check,
    "sweep": sweep,
    "report": report,
    "results": results,
    "bench": bench,
    "compare": compare,
    "export": export,
    "weights": weights,
    "doctor": doctor,
    "completion": completion,
}

HELP = {"-h", "--help"}


class Harmless:
    """A stream on which the control characters of names and files are shown, not obeyed."""

    def __init__(self, stream: Any, *, plain: bool = False) -> None:
        self.stream, self.plain = stream, plain

    def write(self, text: str) -> int:
        """Writes `text`; a leading carriage return, which begins a line anew, stays one."""
        start = "\r" if text.startswith("\r") else ""
        return self.stream.write(start + printable(text[len(start) :]))

    def isatty(self) -> bool:
        """Whether it is a terminal; where it is to be `plain`, nobody is to color what is shown."""
        return not self.plain and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def main(script: str | None = None, argv: Sequence[str] | None = None) -> NoReturn:
    """The command `jaxdl`, or with `script` (an experiment's `__file__`) the run of that script."""
    argv = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    out: Any = Harmless(sys.stdout, plain=True)
    err: Any = Harmless(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = _answer(script, argv)
    sys.exit(code)


def _open_streams() -> None:
    """/dev/null for a standard stream that is closed: else the next open file would become it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _answer(script: str | None, argv: list[str]) -> int:
    """The exit code of a command, whose output has been written."""
    try:
        if script is not None:
            argv = ["run", *_script_arguments(script, argv)]
        code = _dispatch(argv)
        sys.stdout.flush()
        return code
    except JaxdlError as error:
        return _complain(error, error.code)
    except ValueError as error:
        return _complain(error, 2)
    except KeyboardInterrupt as error:
        return getattr(error, "code", 130)
    except BrokenPipeError:  # whoever read the output has seen enough
        _discard_output()
        return 0
    except OSError as error:
        code = _complain(error, 2)
        try:
            sys.stdout.flush()
        except OSError:  # it was the output itself that could not be written
            _discard_output()
        return code


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(argv: list[str]) -> int:
    parser, commands = _parsers()
    command = next((word for word in argv if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        close = ", ".join(nearest(command, COMMANDS))
        raise UsageError(f"there is no command {command!r}; did you mean {close}? See jaxdl --help")
    if command is not None and not HELP.isdisjoint(argv) and _takes_fields(commands[command]):
        commands[command].print_help()
        if not _has_fields([word for word in argv if word not in HELP]):
            return 0
        print(flush=True)  # the fields follow, once the experiment is imported
    # Read by hand: argparse would take a field's value for the config's name.
    config = argv.pop(1) if argv[:1] == ["run"] and len(argv) > 1 and argv[1][0] != "-" else None
    args, rest = parser.parse_known_args(argv, argparse.Namespace(config=config))
    if rest and not getattr(args, "takes_fields", False):
        parser.error(f"{args.command}: unknown arguments {' '.join(rest)}")
    if args.command is not None:
        return COMMANDS[args.command].run(args, rest)
    parser.print_help()
    return 0


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of everything, and by name that of each command."""
    parser = argparse.ArgumentParser("jaxdl", allow_abbrev=False)
    parser.description = "Deep learning for vision in JAX."
    parser.add_argument("-V", "--version", action="version", version=f"jaxdl {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.HELP, description=module.HELP, allow_abbrev=False, add_help=False
        )
        module.add_arguments(command)
        if not _takes_fields(command):  # else the fields of a config follow
            command.add_argument("-h", "--help", action="help", help="show this text and exit")
    commands.choices["completion"].set_defaults(parsers=commands.choices)
    return parser, commands.choices


def _takes_fields(command: argparse.ArgumentParser) -> bool:
    """Whether what a command does not know are fields of a config."""
    return bool(command.get_default("takes_fields"))


def _has_fields(words: list[str]) -> bool:
    """Whether these words of a command line name a config or a data set, whose fields are flags."""
    command, *names = words
    if command == "show":
        return names[:1] == ["data"] and len(names) > 1
    if command == "check-data":
        return bool(names)
    configs = all_configs()
    return any(name.endswith((".toml", ".py")) or name in configs for name in names)


def _script_arguments(script: str, argv: list[str]) -> list[str]:
    """Those of `jaxdl run` for a script; jaxdl's own need a config, a person's have defaults."""
    if home() not in Path(script).resolve().parents:
        return [script, *argv]
    if any(word == "--config" or word.startswith("--config=") for word in argv):
        return argv
    raise UsageError(f"{Path(script).name}: give --config FILE or use: jaxdl run CONFIG")


def _complain(error: Exception, code: int) -> int:
    if os.environ.get("JAXDL_TRACEBACK"):
        raise error
    with contextlib.suppress(OSError):  # nobody reads it
        print(f"error: {error}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    main()
