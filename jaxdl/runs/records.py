"""Runs of one config under several seeds, as results.json keeps them: how far they spread."""

import math
import shlex
import statistics
from collections.abc import Mapping
from typing import Any

Numbers = Mapping[str, Any]  # a metric is a number, or a table with its `mean` or `value`

# A run that was repeated lies within the interval in which one more of n runs falls 95 times in
# 100 (Student's t, for normal errors); numbers that do not spread at all may differ by this part.
CONFIDENCE = 0.95
SAME = 1e-3
ALONE = 0.02  # one run has no spread: this part of its value
OF_THE_RUN = ("--seed", "--loop.devices", "--run-dir")  # flags that leave the program as it is
SPREADS = ("_std", "_min", "_max")


def number(metric: Any) -> float:
    """A metric's number: itself, or the `mean` or `value` of a table."""
    if isinstance(metric, Mapping):
        metric = metric["mean"] if "mean" in metric else metric.get("value")
    if isinstance(metric, bool) or not isinstance(metric, int | float):
        return math.nan
    return float(metric)


def main_metric(metrics: Numbers) -> str:
    """The name of the number that stands for a result: of the test split, before its loss."""
    plain = [name for name in metrics if not name.endswith(SPREADS)]
    test = [name for name in plain if name.startswith("test_")]
    found = [name for name in test if not name.endswith("loss")] or test or plain or list(metrics)
    return found[0] if found else ""


def with_runs(
    entry: dict[str, Any], report: dict[str, Any], old: dict[str, Any] | None, told: dict[str, str]
) -> dict[str, Any]:
    """What is kept of a report, beside the runs that were recorded under other seeds.

    Runs of another program (other flags) are not of one kind and give way. A report of several
    seeds adds their runs and leaves the numbers of a single run, which can be run again, in place.
    What a person has `told` of the result, now or before, stays.
    """
    alike = old is not None and _program(old["command"]) == _program(entry["command"])
    runs = {**(_runs(old) if old and alike else {}), **_runs(report)}
    single = old and alike and "seeds" in report and "--seeds" not in shlex.split(old["command"])
    kept = dict(old) if old and single else entry
    before = {name: old[name] for name in ("published", "headline") if old and name in old}
    kept = {**kept, "runs": dict(sorted(runs.items())), **before, **told}
    if kept.get("headline") not in kept["metrics"]:
        kept["headline"] = main_metric(kept["metrics"])
    return {**kept, "spread": spread(kept)}


def spread(entry: dict[str, Any]) -> dict[str, float]:
    """`n` recorded runs, the `mean` of their headline and, of two or more, its deviation `std`."""
    values = _values(entry)
    if not values:
        return {"n": 0}
    one = {"n": len(values), "mean": statistics.fmean(values)}
    return {**one, "std": statistics.stdev(values)} if len(values) > 1 else one


def verdict(entry: dict[str, Any], report: dict[str, Any]) -> tuple[bool, str]:
    """Whether a run that was made again lies within the spread of those recorded; in words."""
    name = entry["headline"]
    got, known = number(report["metrics"].get(name)), spread(entry)
    if known["n"] == 0 or math.isnan(got):
        return False, f"{name}: the run measured {got:.6g}, the record has {known['n']} numbers"
    mean = known["mean"]
    if known["n"] > 1:
        room = max(_interval(int(known["n"]), known["std"]), SAME * abs(mean))
        what = f"{mean:.6g} +- {room:.3g} (95 % for one more of n = {known['n']} seeds)"
    else:
        room = ALONE * abs(mean)
        what = f"{mean:.6g} +- {room:.3g} (n = 1, no spread: {ALONE:.0%})"
    within = abs(got - mean) <= room
    sha = report.get("params_sha256")
    equal = "; the same parameters, bit for bit" if sha == entry.get("params_sha256", "") else ""
    return within, f"{name} {got:.6g}, {'within' if within else 'OUTSIDE'} {what}{equal}"


def _interval(count: int, deviation: float) -> float:
    """Half of the prediction interval for one more value (Student's t, count - 1 degrees)."""
    from scipy.special import stdtrit

    t = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    return t * deviation * math.sqrt(1 + 1 / count)


def _runs(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Seed -> test numbers of an entry or report; `-` where nothing is drawn."""
    if "runs" in report:
        return dict(report["runs"])
    if isinstance(report.get("seeds"), dict):
        return {str(seed): _test(numbers) for seed, numbers in report["seeds"].items()}
    return {str(report.get("seed", "-")): _test(report["metrics"])}


def _test(metrics: Numbers) -> dict[str, float]:
    """The numbers of the test split, else all."""
    numbers = {name: number(value) for name, value in metrics.items()}
    return {k: v for k, v in numbers.items() if k.startswith("test_")} or numbers


def _values(entry: dict[str, Any]) -> list[float]:
    runs = [number(numbers.get(entry["headline"])) for numbers in _runs(entry).values()]
    return [value for value in runs if not math.isnan(value)]


def _program(command: str) -> list[str]:
    """The words of a command without seeds, devices and the run's folder."""
    kept: list[str] = []
    skip = False
    for word in shlex.split(command):
        if skip:
            skip = False
        elif word in (*OF_THE_RUN, "--seeds"):
            skip = True
        elif word.partition("=")[0] not in OF_THE_RUN:
            kept.append(word)
    return kept
