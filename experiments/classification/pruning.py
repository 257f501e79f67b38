"""How many weights a network can do without: jaxdl run mnist_pruning."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax

from jaxdl.checks import UsageError
from jaxdl.classification.pruned import masks_of, pruned_task, start_from, with_masks
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.cli import main
from jaxdl.draw import Figure
from jaxdl.optim.pruning import magnitude_masks
from jaxdl.runs.results import Report
from jaxdl.training.loop import fit
from jaxdl.training.report import report_numbers
from jaxdl.training.state import TrainState
from jaxdl.typing import Tree

WAYS = {
    "one_shot": "all at once, not trained again",
    "tuned": "all at once, trained again",
    "iterative": "step by step, trained again",
    "ticket": "step by step, then from the first weights",
    "redrawn": "the ticket's mask, from new weights",
}
Found = dict[str, dict[float, float]]  # way -> sparsity -> accuracy


@dataclass(frozen=True)
class Config(ClassifierConfig):
    """A classifier, and the shares of its weights that are left out, one after the other."""

    sparsities: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.98)
    """The share of each kernel that is left out, rising."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.sparsities
        if list(given) != sorted(set(given)) or not given or not 0 < given[0] <= given[-1] < 1:
            raise UsageError(f"sparsities must rise within (0, 1), got {given}")


def run(cfg: Config, run_dir: Path) -> Report:
    """Trains the whole network, then what is left of it in five ways; draws and reports."""
    began = time.perf_counter()
    task = pruned_task(classifier_task(cfg), cfg.optim, cfg.loop)

    def train(name: str, params: Tree, masks: Tree) -> TrainState:
        """The state after a run of the loop from `params`, of which what `masks` say is there."""
        own = dataclasses.replace(task, init=start_from(task, params, masks))
        return fit(own, cfg.loop, run_dir / name, seed=cfg.seed).state

    def accuracy(state: TrainState) -> float:
        return task.measure(state, task.splits["test"])["accuracy"]

    first = task.init(jax.random.key(cfg.seed))
    whole = train("whole", first.params, masks_of(first))
    found = at_once(cfg, whole, train, accuracy) | step_by_step(
        cfg, first, task.init(jax.random.key(cfg.seed + 1)).params, whole, train, accuracy
    )
    dense = accuracy(whole)
    draw_ways(cfg, found, dense).save(run_dir / "sparsity.png")
    numbers = {"accuracy": dense}
    for way, by_sparsity in found.items():
        numbers |= {f"{way}_at_{100 * s:g}_percent": a for s, a in by_sparsity.items()}
    if 0.9 in cfg.sparsities:
        numbers["accuracy_at_90_percent"] = found["iterative"][0.9]
    return report_numbers(cfg, numbers, {"total": time.perf_counter() - began})


def at_once(
    cfg: Config,
    whole: TrainState,
    train: Callable[[str, Tree, Tree], TrainState],
    accuracy: Callable[[TrainState], float],
) -> Found:
    """The smallest of the trained weights left out, without and with further training."""
    found: Found = {"one_shot": {}, "tuned": {}}
    for sparsity in cfg.sparsities:
        masks = magnitude_masks(whole.params, sparsity)
        found["one_shot"][sparsity] = accuracy(with_masks(whole, masks))
        tuned = train(f"tuned_{100 * sparsity:g}", whole.params, masks)
        found["tuned"][sparsity] = accuracy(tuned)
    return found


def step_by_step(
    cfg: Config,
    first: TrainState,
    again: Tree,
    whole: TrainState,
    train: Callable[[str, Tree, Tree], TrainState],
    accuracy: Callable[[TrainState], float],
) -> Found:
    """Each share from the network of the one before: its weights kept, rewound to `first`'s, or,
    under the mask of the rewound ones, begun `again`."""
    found: Found = {"iterative": {}, "ticket": {}, "redrawn": {}}
    kept = ticket = whole
    for sparsity in cfg.sparsities:
        tag = f"{100 * sparsity:g}"
        masks = magnitude_masks(kept.params, sparsity, within=masks_of(kept))
        kept = train(f"iterative_{tag}", kept.params, masks)
        masks = magnitude_masks(ticket.params, sparsity, within=masks_of(ticket))
        ticket = train(f"ticket_{tag}", first.params, masks)
        redrawn = train(f"redrawn_{tag}", again, masks)
        for way, state in (("iterative", kept), ("ticket", ticket), ("redrawn", redrawn)):
            found[way][sparsity] = accuracy(state)
    return found


def draw_ways(cfg: Config, found: Found, dense: float) -> Figure:
    """Test accuracy over the share of weights that are left out, a line for each way."""
    figure = Figure(size=(7, 4.2))
    (axis,) = figure.axes
    left = [100 * (1 - s) for s in cfg.sparsities]
    for way, text in WAYS.items():
        axis.plot(left, [100 * a for a in found[way].values()], marker="o", label=text)
    axis.axhline(100 * dense, color="gray", linestyle=":", label="all weights")
    axis.set(xscale="log", xlabel="weights that are left (%)", ylabel="test accuracy (%)")
    axis.set_xticks(left, [f"{share:g}" for share in left])
    axis.minorticks_off()
    axis.invert_xaxis()
    axis.set_title(f"{cfg.data.name}, {cfg.model.name}: pruned by magnitude")
    axis.legend(fontsize=7)
    return figure


if __name__ == "__main__":
    main(__file__)
