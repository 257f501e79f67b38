"""`jaxdl check-data`: reads a data set once and names every bad row."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxdl.catalog import all_configs, find_config
from jaxdl.checks import DataError
from jaxdl.config import parse, rename_flags
from jaxdl.experiment import read_config

HELP = "read a data set once, name every bad row"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The set; beside it the fields of the config or data set."""
    parser.add_argument("name", help="a config, or a data set; --path FILE for your own")
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints what was found; the code of a data error where a row is bad."""
    from jaxdl.data.validate import report_scan, scan_set

    scan = scan_set(read_data(args.name, rest, "check-data"))
    print(report_scan(args.name, scan))
    return DataError.code if scan.faults else 0


def read_data(name: str, flags: Sequence[str], command: str) -> Any:
    """The DataConfig of a config, or of a data set with fields such as --path."""
    from jaxdl.data.config import DataConfig

    if name in all_configs() or name.endswith((".toml", ".py")):
        return read_config(find_config(name), flags, command)[1].data
    path, prog = Path(name), f"jaxdl {command} {name}"
    flags = [re.sub("^--(data[.])?", "--data.", flag) for flag in flags]
    flags = [flag.replace("--data.", "--", 1) for flag in rename_flags(flags, "")]
    return parse(DataConfig.choose(name), {"name": name}, flags, path=path, prog=prog)
