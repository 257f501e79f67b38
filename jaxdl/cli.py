"""The commands. Only here are experiments found: by importlib, in a source checkout.

Nothing heavy is imported before a command needs it, so that --help and list answer at once.
"""

import argparse
import importlib
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from jaxdl import __version__
from jaxdl.checks import JaxdlError, UsageError, nearest, unknown
from jaxdl.commands.bench import add_arguments as add_bench_arguments
from jaxdl.commands.bench import run_bench
from jaxdl.commands.compare import add_arguments as add_compare_arguments
from jaxdl.commands.compare import run_compare
from jaxdl.commands.sweep import add_arguments as add_sweep_arguments
from jaxdl.commands.sweep import run_sweep
from jaxdl.commands.weights import add_arguments as add_weights_arguments
from jaxdl.commands.weights import run as run_weights
from jaxdl.config import parse, read_toml, rename_flags
from jaxdl.runs.results import (
    add_result,
    find_config,
    find_configs,
    headline,
    list_rows,
    name_report,
)
from jaxdl.runs.run_folder import config_table, run_folder, work_in_folder

COMMANDS = (
    *("run", "list", "summary", "predict", "show", "check-data", "check", "sweep", "results"),
    *("bench", "compare", "weights", "doctor"),
)


def main(script: str | None = None, argv: Sequence[str] | None = None) -> NoReturn:
    """The command `jaxdl`, or with `script` (an experiment's `__file__`) the run of that script."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if script is not None:
            argv = ["run", *_script_arguments(script, argv)]
        code = _dispatch(argv)
    except JaxdlError as error:
        code = _complain(error, error.code)
    except ValueError as error:
        code = _complain(error, 2)
    except KeyboardInterrupt as error:
        code = getattr(error, "code", 130)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        code = _complain(error, 2)
    sys.exit(code)


def load_run(run_dir: str | Path) -> tuple[Any, dict[str, Any], Any, tuple[str, ...]]:
    """(model, variables, prepare, classes) of a trained run; its data need not be at hand.

    `x = prepare(keys, {"image": uint8 (B, H, W, C)}, train=False)["image"]`, then
    `model.apply(variables, x, train=False)` gives what the model gave in the run's own evaluation.
    """
    run = _trained_run(Path(run_dir))
    task = run.task
    return task.model, run.state.variables, task.prepare, task.splits["train"].classes


def _dispatch(argv: list[str]) -> int:
    parser = _parser()
    command = next((word for word in argv if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        close = ", ".join(nearest(command, COMMANDS))
        raise UsageError(f"there is no command {command!r}; did you mean {close}? See jaxdl --help")
    # Read by hand: argparse would take a field's value for the config's name.
    config = argv.pop(1) if argv[:1] == ["run"] and len(argv) > 1 and argv[1][0] != "-" else None
    args, rest = parser.parse_known_args(argv, argparse.Namespace(config=config))
    if rest and not getattr(args, "takes_fields", False):
        parser.error(f"{args.command}: unknown arguments {' '.join(rest)}")
    if args.command is not None:
        return args.do(args, rest)
    parser.print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("jaxdl", description=__doc__.split(".")[0], allow_abbrev=False)
    parser.description = "Deep learning for vision in JAX."
    parser.add_argument("--version", action="version", version=f"jaxdl {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, do: Any, help: str, **options: Any) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, allow_abbrev=False, **options)
        made.set_defaults(do=do)
        return made

    run = command("run", _run, "train or run a config; every field of it is a flag", add_help=False)
    run.add_argument("--config", dest="config_flag", metavar="FILE")
    run.add_argument("--run-dir", type=Path)
    run.add_argument("--resume", action="store_true")
    run.add_argument("--seeds", type=int, help="train under so many seeds, report mean and spread")
    run.set_defaults(takes_fields=True)
    sweep = command("sweep", _sweep, "search the numbers of a config", add_help=False)
    add_sweep_arguments(sweep)
    look = command("check", _check, "verdicts on a config: data, loss, rate, layers")
    look.add_argument("config")
    look.add_argument("--out", type=Path, help="the picture (default: NAME_check.png)")
    look.set_defaults(takes_fields=True)
    listing = command("list", _list, "every config, its data set and its measured result")
    listing.add_argument("--json", action="store_true")
    summary = command(
        "summary", _summary, "layers: shapes, parameters, FLOPs, memory", add_help=False
    )
    summary.add_argument("config", help="a config, or a registered model")
    summary.add_argument("--out", type=Path, help="also draw the costs into this picture")
    summary.add_argument("--size", type=int, default=224, help="of a model: pixels of its image")
    summary.add_argument("--classes", type=int, default=1000, help="of a model: its classes")
    summary.set_defaults(takes_fields=True)
    predict = command("predict", _predict, "apply a trained run to files")
    predict.add_argument("run", type=Path)
    predict.add_argument("files", nargs="+", type=Path)
    show = command("show", _show, "a picture of a data set, or of a run's own", add_help=False)
    show.add_argument("what", choices=["data", "run"])
    show.add_argument("name", help="a config, or a data set; of run: its folder")
    show.add_argument("--out", type=Path, help="the picture (default: NAME.png, RUN/shown.png)")
    show.set_defaults(takes_fields=True)
    check = command(
        "check-data", _check_data, "read a data set once, name every bad row", add_help=False
    )
    check.add_argument("name", help="a config, or a data set; --path FILE for your own")
    check.set_defaults(takes_fields=True)
    results = command("results", _results, "record what a run measured")
    results.add_argument("action", choices=["add"])
    results.add_argument("run", type=Path)
    bench = command("bench", _bench, "time training steps and the roads of data beside PyTorch's")
    add_bench_arguments(bench)
    bench.set_defaults(takes_fields=True)
    beside = command("compare", _compare, "train a config beside its PyTorch twin: what differs")
    add_compare_arguments(beside)
    beside.set_defaults(takes_fields=True)
    weights = command("weights", _weights, "published weights into ours and back")
    add_weights_arguments(weights)
    command("doctor", _doctor, "versions, devices, caches, known bad pairs")
    return parser


def _run(args: argparse.Namespace, rest: list[str]) -> int:
    path, name = _config_of_run(args)
    if args.seeds is not None and hasattr(_read_config(path, [])[1], "seeds"):  # its own field
        rest, args.seeds = [*rest, f"--seeds={args.seeds}"], None
    module, cfg = _read_config(path, rest)
    if args.resume and not hasattr(module, "build"):
        raise UsageError(f"run: {path.stem} trains nothing that could be resumed; run it again")
    from jaxdl.search.seeds import run_or_repeat

    run_dir = run_folder(path.stem, args.run_dir, args.resume)
    table = config_table(module, cfg) | ({"seeds": args.seeds} if args.seeds else {})
    words = ["jaxdl", "run", name, *rest, *(["--seeds", str(args.seeds)] if args.seeds else [])]
    work = partial(run_or_repeat, module, cfg, args.seeds, run_dir, args.resume)
    work_in_folder(run_dir, table, words, args.resume, work)
    name_report(run_dir, path.stem, words)
    return 0


def _sweep(args: argparse.Namespace, rest: list[str]) -> int:
    path, name = _config_of_run(args)
    run_sweep(args, lambda flags: _read_config(path, [*rest, *flags], "sweep"), path, [name, *rest])
    return 0


def _check(args: argparse.Namespace, rest: list[str]) -> int:
    from jaxdl.diagnose.recipe import run_recipe

    path = find_config(args.config, _checkout())
    out = args.out or Path(f"{path.stem}_check.png")
    return int(run_recipe(lambda flags: _read_config(path, [*rest, *flags], "check"), out))


def _compare(args: argparse.Namespace, rest: list[str]) -> int:
    path = find_config(args.config, _checkout())
    make = lambda flags: _read_config(path, [*rest, *flags], "compare")  # noqa: E731
    return run_compare(args, rest, path.stem, make)


def _config_of_run(args: argparse.Namespace) -> tuple[Path, str]:
    name = args.config_flag or args.config
    if name is None:
        raise UsageError(f"{args.command}: give a config, by name or path; `jaxdl list` shows them")
    return find_config(name, _checkout()), name


def _read_config(path: Path, flags: list[str], prog: str = "run") -> tuple[Any, Any]:
    """(experiment module, its config) of a TOML file and flags."""
    table = read_toml(path)
    experiment = table.pop("experiment", None)
    if not isinstance(experiment, str):
        raise UsageError(f'config {path}: it must name its script: experiment = "..."')
    module = _import_experiment(experiment)
    prog = f"jaxdl {prog} {path.stem}"
    flags = rename_flags(flags, experiment)
    return module, parse(module.Config, table, flags, path=path, prog=prog)


def _import_experiment(name: str) -> Any:
    from jaxdl.runs.environment import prepare_process

    root = _checkout()
    known = {
        ".".join(p.relative_to(root / "experiments").with_suffix("").parts): p
        for p in (root / "experiments").rglob("*.py")
        if p.name != "__init__.py"
    }
    if name not in known:
        raise unknown("experiment", name, known, "`jaxdl list` shows what configs use.")
    prepare_process()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module = importlib.import_module(f"experiments.{name}")
    from jaxdl.runs.environment import use_compilation_cache

    use_compilation_cache()
    return module


def _checkout() -> Path:
    """The source checkout: this folder, else the one that the package was installed from."""
    for root in (Path.cwd(), Path(__file__).parents[1]):
        if (root / "experiments").is_dir() and (root / "configs").is_dir():
            return root
    raise UsageError("experiments and configs run from a source checkout of jaxdl; change into one")


def _trained_run(folder: Path) -> Any:
    """The run whose data is the one example that it kept."""
    import dataclasses

    from jaxdl.data.load import run_data
    from jaxdl.training.restore import RestoredRun

    module, cfg = _read_run(folder, [])
    if not hasattr(module, "build"):
        raise UsageError(f"{folder}: its experiment has no model to load")
    return RestoredRun(folder, module, dataclasses.replace(cfg, data=run_data(cfg.data, folder)))


def _read_run(folder: Path, flags: list[str]) -> tuple[Any, Any]:
    path = folder / "config.toml"
    if not path.exists():
        raise UsageError(f"{folder}: no config.toml; is it a run folder?")
    return _read_config(path, flags, "show run")


def task_of(config: str, rest: list[str], prog: str) -> Any:
    """The task of a config, by name or path, with further flags."""
    module, cfg = _read_config(find_config(config, _checkout()), rest, prog)
    if not hasattr(module, "build"):
        raise UsageError(f"{prog}: the experiment of {config} has no Task (it does not train)")
    return module.build(cfg)


def _list(args: argparse.Namespace, rest: list[str]) -> int:
    rows = list_rows(_checkout())
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    width = max((len(row["config"]) for row in rows), default=0)
    for row in rows:
        result = headline(row["metrics"]) if row["metrics"] else "not yet run"
        print(f"{row['config']:{width}}  {row['data'] or '':14}  {result}")
    return 0


def _summary(args: argparse.Namespace, rest: list[str]) -> int:
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

    if args.config in list_models() and args.config not in find_configs(_checkout()):
        if rest:
            raise UsageError(f"summary {args.config}: unknown arguments {' '.join(rest)}")
        return create_model(args.config, args.classes), (args.size, args.size, 3)
    task = task_of(args.config, rest, "summary")
    from jaxdl.training.task import example_input

    return task.model, example_input(task.splits["train"], task.prepare).shape[1:]


def _predict(args: argparse.Namespace, rest: list[str]) -> int:
    from jaxdl.evaluation.predict import predict_paths

    run = _trained_run(args.run)
    print(getattr(run.module, "predict", predict_paths)(run, args.files))
    return 0


def _show(args: argparse.Namespace, rest: list[str]) -> int:
    if args.what == "run":
        return _show_run(Path(args.name), args.out, rest)
    from jaxdl.data.load import load_splits
    from jaxdl.data.summary import describe, draw_examples

    data = _data(args, rest)
    splits = load_splits(data)
    print(describe(splits))
    out = args.out or Path(f"{Path(args.name).stem}.png")
    title = f"{data.name}, synthetic" if splits["train"].synthetic else data.name
    print(draw_examples(splits["train"], title=title).save(out))
    return 0


def _show_run(folder: Path, out: Path | None, rest: list[str]) -> int:
    module, cfg = _read_run(folder, rest)
    if not hasattr(module, "show"):
        raise UsageError(f"{folder}: {module.__name__} has no show(run, out); nothing to draw")
    from jaxdl.training.restore import RestoredRun

    print(module.show(RestoredRun(folder, module, cfg), out or folder / "shown.png"))
    return 0


def _check_data(args: argparse.Namespace, rest: list[str]) -> int:
    from jaxdl.checks import DataError
    from jaxdl.data.validate import report_scan, scan_set

    data = _data(args, rest)
    faults, sizes = scan_set(data)
    print(report_scan(args.name, faults, sizes))
    return DataError.code if faults else 0


def _data(args: argparse.Namespace, rest: list[str]) -> Any:
    """The DataConfig of a config, or of a data set with fields such as --path."""
    from jaxdl.data.config import DataConfig

    configs = find_configs(_checkout())
    if args.name in configs or args.name.endswith(".toml"):
        path = find_config(args.name, _checkout())
        return _read_config(path, rest, args.command)[1].data
    path, prog = Path(args.name), f"jaxdl {args.command} {args.name}"
    flags = [re.sub("^--(data[.])?", "--data.", flag) for flag in rest]
    flags = [flag.replace("--data.", "--", 1) for flag in rename_flags(flags, "")]
    return parse(DataConfig, {"name": args.name}, flags, path=path, prog=prog)


def _results(args: argparse.Namespace, rest: list[str]) -> int:
    root = _checkout()
    print(f"{add_result(args.run, root)}: recorded in {root / 'results.json'} and RESULTS.md")
    return 0


def _bench(args: argparse.Namespace, rest: list[str]) -> int:
    return run_bench(args, rest, lambda config: task_of(config, rest, "bench"))


def _weights(args: argparse.Namespace, rest: list[str]) -> int:
    from jaxdl.runs.environment import prepare_process

    prepare_process()
    print(run_weights(args))
    return 0


def _doctor(args: argparse.Namespace, rest: list[str]) -> int:
    from jaxdl.commands.doctor import examine

    report, healthy = examine(Path("runs"))
    print(report)
    return 0 if healthy else 1


def _script_arguments(script: str, argv: list[str]) -> list[str]:
    if any(word == "--config" or word.startswith("--config=") for word in argv):
        return argv
    raise UsageError(f"{Path(script).name}: give --config FILE or use: jaxdl run CONFIG")


def _complain(error: Exception, code: int) -> int:
    if os.environ.get("JAXDL_TRACEBACK"):
        raise error
    print(f"error: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
