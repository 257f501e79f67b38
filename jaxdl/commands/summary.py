"""`jaxdl summary`: what the layers of a config's model, or of a registered one, cost."""

import argparse
from pathlib import Path
from typing import Any

from jaxdl.catalog import all_configs
from jaxdl.checks import UsageError, unknown
from jaxdl.experiment import task_of
from jaxdl.old_names import CONFIGS

HELP = "layers: shapes, parameters, FLOPs, memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is summarized; beside them the fields of a config."""
    parser.add_argument("config", help="a config, or a registered model")
    parser.add_argument("--out", type=Path, help="also draw the costs into this picture")
    parser.add_argument("--size", type=int, default=224, help="of a model: pixels of its image")
    parser.add_argument("--classes", type=int, default=1000, help="of a model: its classes")
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Prints the table, and draws it where that is asked for."""
    model, shape = _model_and_shape(args, rest)
    from jaxdl.models.summary.table import draw_costs, summarize, table

    rows = summarize(model, shape)
    print(table(rows))
    if args.out:
        print(draw_costs(rows, title=args.config).save(args.out))
    return 0


def _model_and_shape(args: argparse.Namespace, rest: list[str]) -> tuple[Any, tuple[int, ...]]:
    """The model of a config and its input's shape, or a registered model for RGB images."""
    from jaxdl.models.registry import create_model, list_models

    if args.config in list_models() and args.config not in all_configs():
        if rest:
            raise UsageError(f"summary {args.config}: unknown arguments {' '.join(rest)}")
        return create_model(args.config, args.classes), (args.size, args.size, 3)
    known = {*all_configs(), *list_models(), *CONFIGS}
    if Path(args.config).suffix not in (".toml", ".py") and args.config not in known:
        hint = "`jaxdl list` and `jaxdl models` show them all."
        raise unknown("summary: config or model", args.config, known, hint)
    task = task_of(args.config, rest, "summary")
    from jaxdl.training.task import example_input

    return task.model, example_input(task.splits["train"], task.prepare).shape[1:]
