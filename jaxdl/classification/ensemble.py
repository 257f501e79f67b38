"""Several networks as one: the mean of their probabilities, and cycles whose ends are members."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DivergedError, UsageError
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.search.trials import Trial, TrialRunner
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Array, Batch, Host, Numbers, Prepare, Tree


def stack_members(variables: Sequence[Tree]) -> Tree:
    """Variables of M members as one tree, leading axis the member."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *variables)


def member_probabilities(model: nn.Module, stacked: Tree, x: Array) -> Array:
    """softmax(logits) of every member, `(M, B, K)`, for prepared inputs `(B, ...)`."""

    def apply(variables: Tree) -> Array:
        logits: Any = model.apply(variables, x, train=False)
        return jax.nn.softmax(logits)

    return jax.vmap(apply)(stacked)


class EnsembleEvaluator:
    """Probabilities of every member on every row of a split, in one program."""

    def __init__(self, model: nn.Module, prepare: Prepare) -> None:
        def row_fn(stacked: Any, batch: Batch) -> dict[str, Any]:
            found = member_probabilities(model, stacked["params"], batch["image"])
            return {"probability": jnp.swapaxes(found, 0, 1), "label": batch["label"]}

        self.rows = RowEvaluator(row_fn, prepare)

    def __call__(self, stacked: Tree, split: Split) -> tuple[Host, Host]:
        """(probabilities `(M, N, K)`, labels `(N,)`) of the split's rows in order."""
        state = TrainState(jnp.int32(0), stacked, (), jax.random.key(0))
        rows = self.rows(state, split)
        return np.swapaxes(rows["probability"], 0, 1), rows["label"]


@dataclass(frozen=True)
class EnsembleResult:
    """What M members reach by themselves and together."""

    members: Host  # accuracy of each, (M,)
    growing: Host  # accuracy of the first 1, 2, ..., M together, (M,)
    loss: float  # -log of the mean probability of the label

    def numbers(self) -> Numbers:
        """By name; the gain is over the members' mean, its spread that of the members."""
        own = self.members
        return {
            "loss": self.loss,
            "accuracy": float(self.growing[-1]),
            "member_accuracy": float(own.mean()),
            "member_accuracy_std": float(own.std(ddof=1)) if len(own) > 1 else 0.0,
            "member_accuracy_min": float(own.min()),
            "member_accuracy_max": float(own.max()),
            "gain": float(self.growing[-1] - own.mean()),
        }


def evaluate_ensemble(probability: Host, labels: Host) -> EnsembleResult:
    """The members' votes, `probability` `(M, N, K)`, averaged (equal weights), against labels."""
    count = np.arange(1, len(probability) + 1)[:, None, None]
    means = np.cumsum(probability.astype(np.float64), axis=0) / count
    own = np.maximum(means[-1][np.arange(len(labels)), labels], 1e-12)
    return EnsembleResult(
        (probability.argmax(axis=2) == labels).mean(axis=1),
        (means.argmax(axis=2) == labels).mean(axis=1),
        float(-np.log(own).mean()),
    )


def train_snapshots(
    trials: TrialRunner, cycles: int, seed: int, keep: Callable[[int, Tree], None]
) -> None:
    """Calls `keep` with the variables at the end of each of `cycles` cycles of one training.

    Snapshot ensembles (Huang et al. 2017, arXiv 1704.00109): the schedule, of `trials.steps`
    steps, starts anew in each cycle, where the last one ended; rows and noise go on. The
    optimizer's moments start anew, too. Where `trials` has `paused`, a signal raises Stopped, and
    the next call goes on from there.
    """
    if cycles < 2:
        raise UsageError(f"snapshots must be at least 2, got {cycles}")
    trial = Trial(seed=seed)
    fresh = jax.tree.map(jnp.copy, trials.ready(trial)[1].opt_state)
    with trials.pausing():
        chunks, state, sums, step = trials.take_up(trial)
        while step < cycles * trials.steps and not trials.halting:
            stop = (step // trials.steps + 1) * trials.steps
            state, sums, step = trials.advance(chunks, state, chunks.fresh_sums(), step, stop)
            if int(sums["bad_step"]) >= 0:
                raise DivergedError(f"the loss is not finite at step {int(sums['bad_step'])}")
            if step == stop:
                kept = chunks.parallel.read(state)
                keep(step // trials.steps - 1, jax.tree.map(lambda x: np.array(x), kept.variables))
                state = state.replace(opt_state=jax.tree.map(jnp.copy, fresh))
        trials.keep_stopped(trial, state, sums, step)


def task_variables(task: Task, state: TrainState) -> Tree:
    """What evaluation uses of a state, on the host."""
    return jax.tree.map(lambda x: np.array(x), task.refresh(state).variables)
