"""A config and its PyTorch twin: same weights, same batches; how far apart they come, how fast."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jaxdl.checks import UsageError
from jaxdl.compare.float64 import apart_in_float64
from jaxdl.compare.gan_sides import JaxGANSide, TorchGANSide, game_twin
from jaxdl.compare.html_report import write_page
from jaxdl.compare.pair_sides import JaxPairSide, TorchPairSide
from jaxdl.compare.sides import JaxSide, TorchSide
from jaxdl.compare.speed import measure_speed
from jaxdl.compare.stage_checks import (
    STEPS_JUDGED,
    CompareReport,
    look_at_gradients,
    look_at_layers,
    look_at_parameters,
    look_at_rule,
    parameter_rows,
)
from jaxdl.compare.view_sides import JaxViewSide, TorchViewSide, one_behind_the_other
from jaxdl.config import as_flags, flatten, to_table
from jaxdl.generative.gan.task import GANTask
from jaxdl.interop.torch_twins.optimizers import torch_settings
from jaxdl.interop.torch_twins.registry import twin_of
from jaxdl.interop.torch_twins.trainer import given
from jaxdl.language.char_lm import CharacterModel
from jaxdl.runs.environment import describe
from jaxdl.segmentation.task import SegmentLossConfig
from jaxdl.selfsup.clip import CLIP
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.training.plan import total_steps
from jaxdl.training.task import Task
from jaxdl.typing import Batch

EXPERIMENTS = (
    *("classification.train", "classic.dense", "language.characters"),
    *("generative.adversarial", "selfsup.two_views", "selfsup.clip", "segmentation.train"),
    "video.classification",
)
# Each side would draw its own; averages of weights change no update.
LEFT_OUT = ("dropout", "drop_path", "drop_connect", "ema", "swa")
# Fields of a config that its twin has not, and the value that they must have
FIXED = {"precision": "float32", "aux_weight": 0.0, "penalty_weight": 0.0, "loss": "softmax"}
TEST_ROWS = 2000
EVERY = 50  # steps between progress lines

Say = Callable[[str], None]


def compare(
    read: Callable[[list[str]], Any],
    build: Callable[[Any], Task],
    experiment: str,
    words: Sequence[str],
    out: Path,
    *,
    steps: int | None = 100,
    speed: bool = True,
    change: Callable[[TorchSide], None] = lambda side: None,
    say: Say = print,
) -> int:
    """Writes `compare.html` and `compare.json` into `out`; 0 where both sides agree, else 1.

    `read(flags)` gives the config of `experiment` for flags beside the command's `words`, `build`
    its task. `steps` None: to the end of the config. `change` may alter the side of torch before
    anything is compared. Raises UsageError where there is no twin.
    """
    quiet = left_out(read([]))
    cfg = read(as_flags(quiet))
    check_comparable(experiment, cfg)
    if quiet:
        say(f"without {', '.join(quiet)}, which the twin has not")
    ours = our_side(build(cfg), cfg.seed)
    batch = ours.first_batch()
    theirs, double = (torch_side(cfg, ours, batch) for _ in range(2))
    for side in (theirs, double):
        change(side)
    total = total_steps(cfg.loop, ours.split.steps_per_epoch)
    length = ["--full"] if steps is None else ["--steps", str(steps)]
    steps = total if steps is None else min(steps, total)
    report, curves = judge_sides(ours, theirs, double, batch, steps, say)
    test = evaluate_both(ours, theirs, whole=steps == total)
    worst = max(row["apart"] for row in report.parameters_at_end)
    right = " and ".join(f"{values['accuracy']:.2%}" for values in test.values())
    say(f"after {steps} steps: right in the test split {right}; parameters {worst:.2g} apart")
    record = {
        "command": " ".join(["jaxdl", "compare", *words, *length]),
        "steps": steps,
        "without": list(quiet),
        "curves": curves,
        "test": test,
    }
    if speed:
        record["speed"] = measure_speed([*words, *as_flags(quiet)], theirs, batch, say)
    say(str(write_record(record, report, out)))
    return 0 if report.agree else 1


def judge_sides(
    ours: JaxSide, theirs: TorchSide, double: TorchSide, batch: Batch, steps: int, say: Say
) -> tuple[CompareReport, dict[str, list[float]]]:
    """What each stage of both sides shows, to the end of `steps`; the loss of each step."""
    report = CompareReport()
    look_at_layers(ours, theirs, batch, report)
    grads = look_at_gradients(ours, theirs, batch, report)
    look_at_rule(ours, theirs, grads, report)
    curves = follow(ours, theirs, double, report, steps, say)
    for verdict in report.verdicts:
        say(str(verdict))
    report.parameters_at_end = parameter_rows(ours, theirs)
    return report, curves


def evaluate_both(ours: JaxSide, theirs: TorchSide, *, whole: bool) -> dict[str, Any]:
    """What both sides reach on the test split, or on its first rows."""
    batches = ours.test_batches(ours.task.splits["test"].size if whole else TEST_ROWS)
    return {"jaxdl": ours.evaluate(batches), "torch": theirs.evaluate(batches)}


def write_record(measured: dict[str, Any], report: CompareReport, out: Path) -> Path:
    """Writes `compare.json` and the page, whose path it returns."""
    record = {
        **measured,
        "agree": report.agree,
        **dataclasses.asdict(report),
        "torch": torch.__version__,
        **{name: value for name, value in describe().items() if name != "command"},
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "compare.json").write_text(json.dumps(record, indent=1) + "\n")
    return write_page(record, out / "compare.html")


def check_comparable(experiment: str, cfg: Any) -> None:
    """Raises UsageError for experiments and options that have no twin."""
    if experiment not in EXPERIMENTS:
        raise UsageError(f"compare: {experiment} has no torch twin; {', '.join(EXPERIMENTS)} have")
    for field, value in FIXED.items():
        if getattr(cfg, field, value) not in (value, SegmentLossConfig()):
            raise UsageError(f"compare: the twin has {field} = {value}, not {getattr(cfg, field)}")
    if hasattr(cfg, "method") and cfg.method.name != "simclr":
        raise UsageError(f"compare: of two views simclr alone has a twin, not {cfg.method.name}")
    if hasattr(cfg, "optim"):
        torch_settings(cfg.optim)


def left_out(cfg: Any) -> dict[str, Any]:
    """Fields of the config that are switched off: field -> its zero."""
    off = {}
    for name, value in flatten(to_table(cfg)).items():
        if name.rpartition(".")[2] in LEFT_OUT and np.any(value):
            off[name] = [0.0] * len(value) if isinstance(value, list) else 0.0
    return off


def our_side(task: Task, seed: int) -> JaxSide:
    """The training of `task`, at its start."""
    if isinstance(task, GANTask):
        return JaxGANSide(task, seed)
    sides = {JointEmbedding: JaxViewSide, CLIP: JaxPairSide}
    return sides.get(type(task.model), JaxSide)(task, seed)


def torch_side(cfg: Any, ours: JaxSide, batch: Batch) -> TorchSide:
    """The twin with the initial weights of `ours`, its optimizer and its loss."""
    if isinstance(ours, JaxGANSide):
        if cfg.optim.clip_norm:
            raise UsageError("compare: the twin of a game has no optim.clip_norm")
        return TorchGANSide(game_twin(ours.game), ours, cfg.optim)
    if isinstance(ours, JaxViewSide):
        twin = twin_of(ours.task.model, one_behind_the_other(given(batch)).shape)
        return TorchViewSide(twin, ours, cfg.optim, temperature=cfg.method.temperature)
    if isinstance(ours, JaxPairSide):
        return TorchPairSide(twin_of(ours.task.model, given(batch)[0].shape), ours, cfg.optim)
    text = isinstance(ours.task.model, CharacterModel)
    return TorchSide(
        twin_of(ours.task.model, np.shape(given(batch))),
        ours,
        cfg.optim,
        smoothing=getattr(cfg, "label_smoothing", 0.0),
        fresh_every=ours.split.steps_per_epoch if text else 0,
    )


def follow(
    ours: JaxSide, theirs: TorchSide, double: TorchSide, report: CompareReport, steps: int, say: Say
) -> dict[str, list[float]]:
    """Trains both on the same batches, judges the parameters on the way; the loss of each step.

    `double` is another of `theirs`, at the start, for a second opinion.
    """
    start = ours.state
    curves: dict[str, list[float]] = {"jaxdl": [], "torch": []}
    first: list[Batch] = []

    def exact() -> float:
        say("parameters are apart: the same steps in float64, some minutes for convolutions")
        return apart_in_float64(ours, start, double, first)

    for number in range(steps):
        loss, batch = ours.step()
        if not math.isfinite(loss):
            raise UsageError(f"compare: the loss of step {number} is {loss}; see jaxdl check")
        curves["jaxdl"].append(loss)
        curves["torch"].append(theirs.trainer.step(batch, number, ours.rate(number)))
        if len(first) < STEPS_JUDGED:
            first.append(batch)
            if len(first) == min(STEPS_JUDGED, steps):
                look_at_parameters(ours, theirs, start, exact, report)
        if (number + 1) % EVERY == 0:
            say(f"step {number + 1}/{steps}  loss {loss:.4f} and {curves['torch'][-1]:.4f}")
    return curves
