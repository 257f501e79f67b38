"""`jaxdl show`: a picture of a data set, or of what a run has learned."""

import argparse
from pathlib import Path

from jaxdl.checks import UsageError
from jaxdl.commands.check_data import read_data
from jaxdl.experiment import read_run

HELP = "a picture of a data set, or of a run's own"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is drawn, and where; beside them the fields of the config or data set."""
    parser.add_argument("what", choices=["data", "run"], help="a data set, or a run")
    parser.add_argument("name", help="a config, or a data set; of run: its folder")
    parser.add_argument("--out", type=Path, help="the picture (default: NAME.png, RUN/shown.png)")
    parser.set_defaults(takes_fields=True)


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Draws, and prints where."""
    print(show_data(args, rest) if args.what == "data" else show_run(args, rest))
    return 0


def show_data(args: argparse.Namespace, rest: list[str]) -> str:
    """What a data set holds, and the file with its examples."""
    from jaxdl.data.load import open_splits
    from jaxdl.data.summary import describe, draw_examples

    data = read_data(args.name, rest, "show")
    splits = open_splits(data)
    out = args.out or Path(f"{Path(args.name).stem}.png")
    title = f"{data.name}, synthetic" if splits["train"].synthetic else data.name
    return f"{describe(splits)}\n{draw_examples(splits['train'], title=title).save(out)}"


def show_run(args: argparse.Namespace, rest: list[str]) -> str:
    """What the experiment's `show` says, else the files that its task has drawn.

    Where it only evaluates: the numbers of the test split, and what was drawn of them.
    """
    folder = Path(args.name)
    experiment, restored = read_run(folder, rest)
    out = args.out or restored.folder / "shown.png"
    if experiment.show is not None:
        return experiment.show(restored, out)
    task, to = restored.task, out.with_suffix("")
    if task.draw is None and task.evaluate is None:
        raise UsageError(f"{folder}: {experiment.name} neither draws nor evaluates")
    split = task.splits["test" if "test" in task.splits else "train"]
    if task.draw is not None:
        return "\n".join(map(str, task.draw(restored.state, split, to)))
    numbers = task.measure(restored.state, split, to)
    lines = [f"{split.name}_{name} {value:.4f}" for name, value in numbers.items()]
    return "\n".join([*lines, *map(str, sorted(to.glob("*")))])
