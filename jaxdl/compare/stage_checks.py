"""What departs first: settings, layers, loss, gradients, the update rule, parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import torch

from jaxdl.compare.sides import JaxSide, TorchSide, norm_of
from jaxdl.diagnose.verdict import Verdict
from jaxdl.training.state import TrainState
from jaxdl.typing import Host, Tree

OUTPUTS, LOSS, GRADIENTS, UPDATES, PARAMETERS = 1e-5, 1e-5, 1e-4, 1e-4, 1e-4
ROUNDING = 4  # times torch's own distance from float64 that are no difference
EXACT = 1e-5  # of gradients and parameters in float64; rates and betas have float32
MOVED = 0.02  # of the way that they went, where there is no float64
STEPS_JUDGED = 20
UPDATES_JUDGED = 3
# Our field -> torch's
SAME = ("eps", "momentum", "stride", "padding", "dilation", "kernel_size", "groups")
FIELDS = {name: name for name in SAME} | {"epsilon": "eps", "window": "kernel_size"}
Row = dict[str, Any]


@dataclass
class CompareReport:
    """What a comparison found; plain values."""

    verdicts: list[Verdict] = field(default_factory=list)
    settings: list[Row] = field(default_factory=list)
    layers: list[Row] = field(default_factory=list)
    gradients: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    parameters: list[Row] = field(default_factory=list)
    parameters_at_end: list[Row] = field(default_factory=list)

    def add(self, name: str, good: bool, words: str) -> None:
        """One line of the verdict."""
        self.verdicts.append(Verdict(name, "pass" if good else "fail", words))

    @property
    def agree(self) -> bool:
        """Whether nothing failed."""
        return all(verdict.state != "fail" for verdict in self.verdicts)


def look_at_layers(ours: JaxSide, theirs: TorchSide, batch: Any, found: CompareReport) -> None:
    """Settings, and outputs layer by layer at the initial weights."""
    mine, fields = ours.layers(batch)
    other, modules = theirs.layers(batch)
    exact, _ = theirs.layers(batch, torch.float64)
    names = {theirs.twin.layer(path): path for path in mine}
    order = [(names[name], name) for name in other if name in names]
    for path, name in order:
        found.settings += differing_fields(path, fields[path], modules[name])
    found.settings += differing_rule(theirs)
    for path, name in order:
        scale = max(1.0, norm_of(other[name]))
        row = apart(mine[path], other[name], exact[name], scale=scale)
        found.layers.append({"ours": path, "theirs": name, **row})
    known = {(row["where"], row["name"]) for row in found.settings}
    bad = [row for row in found.layers if not near(row, OUTPUTS)]
    if bad:
        own = [name for where, name in known if where == bad[0]["ours"]]
        words = f"{bad[0]['ours']} departs first, by {bad[0]['apart']:.2g}"
        words += f"; differing there: {', '.join(sorted(own))}" if own else ""
    else:
        worst = max((row["apart"] for row in found.layers), default=0.0)
        words = f"{len(found.layers)} layers, at most {worst:.2g} apart"
    found.add("outputs", bool(found.layers) and not bad, words)


def look_at_gradients(ours: JaxSide, theirs: TorchSide, batch: Any, found: CompareReport) -> Tree:
    """Loss and gradients at the initial weights; returns our gradients."""
    loss, grads = ours.gradients(batch)
    their_loss, their_grads = theirs.gradients(batch)
    gap = abs(loss - their_loss)
    found.add("loss", gap <= LOSS * max(1, abs(their_loss)), f"{loss:.6f} and {their_loss:.6f}")
    _, exact = theirs.gradients(batch, torch.float64)
    own = theirs.twin.arrays({"params": grads})
    least = 1e-3 * max((norm_of(value) for value in their_grads.values()), default=1.0)
    for name, value in their_grads.items():
        row = apart(own[name], value, exact[name], scale=max(norm_of(value), least))
        found.gradients.append({"name": name, **row})
    worst = max(found.gradients, key=lambda row: row["apart"])
    words = f"{len(found.gradients)} arrays, {worst['name']} furthest: {worst['apart']:.2g}"
    good = all(near(row, GRADIENTS) for row in found.gradients)
    if worst["apart"] > GRADIENTS and ours.repeatable:
        wide = theirs.twin.arrays({"params": ours.gradients(batch, wide=True)[1]})
        double = max(norm_of(wide[n] - g) / max(norm_of(g), least) for n, g in exact.items())
        good, words = _judge_exact(double, words)
    found.add("gradients", good, words)
    return grads


def look_at_rule(ours: JaxSide, theirs: TorchSide, grads: Tree, found: CompareReport) -> None:
    """The same gradients to both optimizers, a few times over: what the rules make of them."""
    given = theirs.twin.arrays({"params": grads})
    state, update = ours.state, jax.jit(ours.update)
    kept = {name: p.detach().clone() for name, p in theirs.named.items()}
    before = theirs.twin.arrays({"params": jax.device_get(state.params)})
    for number in range(UPDATES_JUDGED):
        state = update(state, grads)
        after = theirs.twin.arrays({"params": jax.device_get(state.params)})
        for name, parameter in theirs.trainer.rule.named.items():
            parameter.grad = torch.from_numpy(given[name].copy())
        theirs.trainer.rule.step(ours.rate(number))
        gaps = {}
        for name, parameter in theirs.trainer.rule.named.items():
            moved = norm_of(after[name] - before[name])
            rounding = 4 * float(np.finfo(np.float32).eps) * norm_of(after[name])
            gap = norm_of(after[name] - parameter.detach().numpy())
            gaps[name] = gap / max(moved, rounding / UPDATES, 1e-12)
        worst = max(gaps, key=lambda name: gaps[name])
        found.updates.append({"number": number + 1, "name": worst, "apart": gaps[worst]})
    with torch.no_grad():
        for name, parameter in theirs.named.items():
            parameter.copy_(kept[name])
    theirs.trainer.rule.optimizer.state.clear()
    bad = [row for row in found.updates if not row["apart"] <= UPDATES]
    if bad:
        number = bad[0]["number"]
        cause = "rate, decay, clipping or epsilon" if number == 1 else "momentum or running means"
        words = f"update {number} departs by {bad[0]['apart']:.2g} of itself: {cause}"
        own = [f"{r['name']} {r['ours']} and {r['theirs']}" for r in found.settings if r["rule"]]
        words += f" ({'; '.join(own)})" if own else ""
    else:
        worst = max(row["apart"] for row in found.updates)
        words = f"{UPDATES_JUDGED} updates by the same gradients, {worst:.1g} of themselves apart"
    found.add("update rule", not bad, words)


def look_at_parameters(
    ours: JaxSide,
    theirs: TorchSide,
    start: TrainState,
    exact: Callable[[], float],
    found: CompareReport,
) -> None:
    """Parameters and running statistics after the judged steps.

    Where they are too far apart, `exact()` says how far they come in float64: in float32 a value
    before a ReLU that is 0 but for rounding passes on one side alone, and what follows differs.
    """
    found.parameters = parameter_rows(ours, theirs)
    worst = max(found.parameters, key=lambda row: row["apart"])
    good = worst["apart"] <= PARAMETERS
    words = f"after {STEPS_JUDGED} steps {worst['name']} furthest: {worst['apart']:.2g}"
    if not good and ours.repeatable:
        good, words = _judge_exact(exact(), words)
    elif not good:
        mine, other = theirs.twin.arrays(jax.device_get(ours.variables)), theirs.parameters()
        before = theirs.twin.arrays(jax.device_get({"params": start.params, **start.extra}))
        gone, gap = (
            sum(float(((mine[n] - far[n]) ** 2).sum()) for n in other) ** 0.5
            for far in (before, other)
        )
        share = gap / max(gone, 1e-12)
        good = share <= MOVED
        words += f"; all {share:.1g} of the way that they went"
    found.add("parameters", good, words)


def _judge_exact(gap: float, words: str) -> tuple[bool, str]:
    """Whether what is `apart` in float64 agrees, and the words with that added."""
    good = gap <= EXACT
    return good, f"{words}; in float64 {gap:.2g}" + (", so it is rounding" if good else "")


def parameter_rows(ours: JaxSide, theirs: TorchSide) -> list[Row]:
    """How far each parameter and running statistic is from the other side's."""
    mine = theirs.twin.arrays(jax.device_get(ours.variables))
    return [
        {"name": name, **apart(mine[name], value, value, scale=1.0)}
        for name, value in theirs.parameters().items()
    ]


def apart(mine: Host, other: Host, exact: Host, *, scale: float) -> Row:
    """The largest difference, in parts of `scale`; inf where shapes differ or one is not finite.

    `exact` is the other side's value in float64; `rounding` says how far float32 is from it.
    """
    shape, rounding = str(tuple(mine.shape)), norm_of(other - exact) / scale
    if mine.shape != other.shape:
        both = f"{mine.shape} and {other.shape}"
        return {"apart": float("inf"), "rounding": rounding, "shape": both}
    return {"apart": norm_of(mine - other) / scale, "rounding": rounding, "shape": shape}


def near(row: Row, most: float) -> bool:
    """Within `most`, or within a few times what torch itself loses by float32."""
    return row["apart"] <= max(most, ROUNDING * row["rounding"])


def differing_fields(path: str, ours: Mapping[str, Any], module: Any) -> list[Row]:
    """The settings of one layer that both sides have and that differ."""
    rows = []
    for name, theirs in FIELDS.items():
        own = ours.get(name)
        if own is None or not hasattr(module, theirs):
            continue
        other = getattr(module, theirs)
        if _plain(own) != _plain(other):
            rows.append({"where": path, "name": name, "ours": own, "theirs": other, "rule": False})
    return rows


def differing_rule(theirs: TorchSide) -> list[Row]:
    """The settings of torch's optimizer that are not those of the config."""
    rows = []
    for name, own in theirs.trainer.rule.settings.items():
        for group in theirs.trainer.rule.optimizer.param_groups:
            row = {"where": "optimizer", "name": name, "ours": own, "theirs": group[name]}
            if group[name] != own and {**row, "rule": True} not in rows:
                rows.append({**row, "rule": True})
    return rows


def _plain(value: Any) -> Any:
    """One number where all axes have the same."""
    if isinstance(value, tuple | list) and len(set(value)) == 1:
        return value[0]
    return tuple(value) if isinstance(value, list) else value
