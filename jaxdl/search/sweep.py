"""A search over a config's numbers: trials share programs, what has ended is never run again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from jaxdl.checks import DivergedError, UsageError
from jaxdl.config import differences, read_toml, to_table
from jaxdl.data.splits.folds import fold_splits
from jaxdl.models.summary.overview import overview_of
from jaxdl.runs.environment import write_environment
from jaxdl.runs.lock import check_held
from jaxdl.runs.results import Report
from jaxdl.runs.run_folder import write_toml
from jaxdl.search.execution import choose_execution
from jaxdl.search.paused import PausedTrials, content_name
from jaxdl.search.programs import (
    Program,
    ReadConfig,
    group_by_program,
    is_whole,
    setting_flags,
    traced_names,
)
from jaxdl.search.space import Setting, enumerate_settings, read_grid
from jaxdl.search.sweep_table import Row, draw_search, rank, show_table, write_table
from jaxdl.search.trial_log import TrialRecord
from jaxdl.search.trials import MEMORY, Trial, TrialResult, TrialRunner
from jaxdl.training.plan import total_steps
from jaxdl.training.report import report_head
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Numbers

VAL_SHARE, VAL_MOST = 5, 5000  # of train, where a config sets no rows apart: a fifth, at most
Say = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What `jaxdl sweep` is asked for."""

    grid: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    trials: int = 32
    search_seed: int = 0
    folds: int = 0
    by: str = ""
    memory: int = MEMORY

    def __post_init__(self) -> None:
        if self.folds < 0 or self.folds == 1:
            raise UsageError(f"--folds must be at least 2, got {self.folds}")
        if self.by and not self.by.startswith("val_"):
            raise UsageError(
                f"--by must be a number of the validation rows, val_..., not {self.by}"
            )


def check_same_search(saved: Path, table: dict[str, Any]) -> None:
    """Raises UsageError where a sweep is resumed with another config; it may be made longer."""
    if not saved.exists():
        return
    free = ("sweep.grid", "sweep.random", "sweep.trials", "sweep.by", "sweep.memory")
    changed = [n for n in differences(read_toml(saved), table) if n not in free]
    if changed:
        raise UsageError(f"resume: {', '.join(changed)} cannot change in a sweep; start a new one")


def sweep(
    read: ReadConfig,
    build: Callable[[Any], Task],
    experiment: str,
    search: Search,
    folder: Path,
    *,
    say: Say = print,
) -> Report:
    """Runs every trial that has not ended yet, and leaves the table, its picture and best.toml.

    `read` gives the config for flags besides those of the user, `build` its task. Trials are
    judged by the validation rows alone: those of the config, else a fifth of train, or, with
    `folds`, the mean over the rows that each fold holds out. Raises DivergedError where no trial
    came to its end.
    """
    began = time.perf_counter()
    base = read([])
    task = build(base)
    if task.evaluate is None:
        raise UsageError("sweep: the experiment of this config has no evaluation to compare by")
    say(overview_of(folder, task.splits, task.init))
    # A grid may choose the rule or model whose option is drawn.
    first = {name: values[0] for name, values in map(read_grid, search.grid)}
    chosen = read(setting_flags(first)) if first else base
    whole = [name for name in _names(search) if is_whole(chosen, name)]
    settings = enumerate_settings(
        search.grid, search.random, search.trials, search.search_seed, whole
    )
    plan = group_by_program(read, settings, traced_names(task, base))
    record = TrialRecord(folder, max(search.folds, 1), say)
    write_environment(folder)
    ways = {}
    for program in plan:
        worker = _Worker(read, build, base, task, program, search, say)
        ways |= worker.run(settings, record)
    rows = [record.row(i, setting) for i, setting in enumerate(settings)]
    order, by = rank(rows, search.by)
    check_held(folder)
    write_table(folder, rows, order)
    if order:
        draw_search(rows, order, by, list(settings[0])).save(folder / "sweep.png")
    say(show_table(rows, order, by))
    if not order:
        raise DivergedError(f"all {len(rows)} trials diverged; search smaller learning rates")
    best = setting_flags(settings[order[0]])
    write_toml(folder / "best.toml", {"experiment": experiment, **to_table(read(best))})
    say(f"best: {' '.join(best)}; train it with: jaxdl run {folder / 'best.toml'}")
    seconds = {"total": time.perf_counter() - began}
    return _report(base, rows, order, by, seconds) | {"ways": ways, "programs": len(plan)}


class _Worker:
    """Runs the trials of one program."""

    def __init__(
        self,
        read: ReadConfig,
        build: Callable[[Any], Task],
        base: Any,
        task: Task,
        program: Program,
        search: Search,
        say: Say,
    ) -> None:
        self.program, self.search, self.say = program, search, say
        self.build = lambda flags: build(
            read([*setting_flags(program.fixed), *flags]) if flags or program.fixed else base
        )
        self.task, self.cfg = (task if not program.fixed else None), program.cfg

    def run(self, settings: Sequence[Setting], record: TrialRecord) -> dict[str, Any]:
        """Trains what the record does not have; returns how, by what is fixed."""
        folds = range(max(self.search.folds, 1))
        plan = [
            (place, replace(trial, fold=fold))
            for fold in folds
            for place, trial in zip(self.program.places, self.program.trials, strict=True)
        ]
        ended = [i for i, (p, t) in enumerate(plan) if record.has(settings[p], t.fold)]
        if len(ended) == len(plan):
            return {}
        trials, held = self._prepare(record.path.parent / "paused")
        way = choose_execution(trials, len(plan))
        self.say(f"{len(plan) - len(ended)} trainings of {trials.steps} steps, {way}")

        def done(i: int, outcome: TrialResult) -> None:
            place, trial = plan[i]
            record.add(settings[place], trial.fold, outcome)

        assert self.task is not None, "it was built with the trials"
        record.expect(len(plan) - len(ended))
        measure = partial(_measure, self.task, held)
        trials.run(way, [trial for _, trial in plan], measure, done, ended=ended)
        return {" ".join(setting_flags(self.program.fixed)) or "all": str(way)}

    def _prepare(self, paused: Path) -> tuple[TrialRunner, list[Any]]:
        """The compiled trials and the rows that each fold is judged by."""
        task = self.task or self.build([])
        train, loop = task.splits["train"], self.cfg.loop
        if self.search.folds:
            replaced = getattr(self.cfg.data, "val", 0) and "val" in task.splits
            size = train.size + (task.splits["val"].size if replaced else 0)
            steps = self._fold_steps(size, train.batch_size, loop)
            self.task = self.build(["--data.val=0", f"--loop.steps={steps}"])
            seed = getattr(self.cfg.data, "seed", 0)
            pairs = fold_splits(self.task.splits["train"], self.search.folds, seed)
            splits, held = [rest for rest, _ in pairs], [part for _, part in pairs]
            loop = replace(loop, steps=steps, epochs=None)
        else:
            if "val" not in task.splits:
                count = max(1, min(train.size // VAL_SHARE, VAL_MOST))
                self.say(f"no validation rows in this config: {count} of train are set apart")
                task = self.build([f"--data.val={count}"])
            self.task, splits, held = task, [task.splits["train"]], [task.splits["val"]]
        kept = PausedTrials(paused / content_name(self.program.fixed), self.say)
        runner = TrialRunner(self.task, loop, splits=splits, memory=self.search.memory, paused=kept)
        return runner, held

    def _fold_steps(self, size: int, batch: int, loop: Any) -> int:
        smallest = size - -(-size // self.search.folds)
        if smallest < batch:
            raise UsageError(f"--folds: {smallest} rows are left to train on, a batch is {batch}")
        return total_steps(loop, smallest // batch)


def _measure(task: Task, held: Sequence[Any], trial: Trial, state: TrainState) -> Numbers:
    numbers = task.measure(state, held[trial.fold])
    return {f"val_{name}": value for name, value in numbers.items()}


def _names(search: Search) -> list[str]:
    return [spec.partition("=")[0].replace("-", "_") for spec in search.random]


def _report(base: Any, rows: list[Row], order: list[int], by: str, seconds: Numbers) -> Report:
    best = rows[order[0]]
    metrics = {"trials": len(rows), "failed": len(rows) - len(order)}
    metrics |= {f"best_{name}": value for name, value in best.numbers.items()}
    return {
        **report_head(base),
        "metrics": metrics,
        "by": by,
        "best": best.setting,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
