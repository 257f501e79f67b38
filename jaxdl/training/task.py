"""What an experiment builds and every command uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.checks import UsageError
from jaxdl.data.splits.split import Split
from jaxdl.optim.config import FirstOrder, OptimConfig
from jaxdl.optim.optimizer import l2_penalty, make_optimizer, schedule_shape
from jaxdl.runs.checkpoint import check_finite, flatten
from jaxdl.training.plan import LoopConfig, total_steps
from jaxdl.training.state import TrainState
from jaxdl.training.step import Step, make_line_search_step, make_train_step
from jaxdl.training.weight_averaging import average_weights, batch_statistics
from jaxdl.typing import Batch, Key, LossFn, Numbers, Prepare

Draw = Callable[[TrainState, Split, Path], list[Path]]


class Evaluate(Protocol):
    """Numbers of a state on a split, and, where `folder` is given, pictures in it."""

    def __call__(
        self, state: TrainState, split: Split, folder: Path | None = None, /
    ) -> Numbers: ...


def _same(state: TrainState) -> TrainState:
    return state


@dataclass(frozen=True)
class Task:
    """Data, preparation, model, loss and step; plain values, each of which can be replaced.

    `evaluate(state, split, folder)` gives numbers, and writes its pictures where `folder` is
    given; `draw(state, split, folder)` only draws, and returns the files; `report()`, called when
    all is measured, gives what else the report of a run says. `rate(step)` is the learning rate,
    for the records. `refresh` makes of a state what evaluation sees, and of the last one what is
    kept. `suspect` says, of the metrics of a step that is not finite, what else than the learning
    is to blame, and `warning`, of a row of the log, what is wrong though all is finite, which the
    loop shows once; "" if nothing. The parts from `evaluate` to `rate` are there where they make
    sense.
    """

    splits: Mapping[str, Split]
    init: Callable[[Key], TrainState]
    prepare: Prepare
    step: Step
    evaluate: Evaluate | None = None
    draw: Draw | None = None
    report: Callable[[], Mapping[str, Any]] = dict
    model: nn.Module | None = None
    loss_fn: LossFn | None = None
    tx: optax.GradientTransformation | None = None
    rate: Callable[[int], float] | None = None
    suspect: Callable[[Numbers], str] = lambda numbers: ""
    warning: Callable[[Numbers], str] = lambda row: ""
    refresh: Callable[[TrainState], TrainState] = _same

    def measure(self, state: TrainState, split: Split, folder: Path | None = None) -> Numbers:
        """What `evaluate` gives; raises UsageError where there is none.

        Raises DivergedError where the model is not finite: compiled, it may hide that, as its
        maxima can turn NaN into a number.
        """
        if self.evaluate is None:
            raise UsageError("the experiment has no evaluation")
        model = state.replace(opt_state=(), local={}, hyper={})
        check_finite(flatten(model), int(state.step))
        return self.evaluate(state, split, folder)


def supervised(
    model: nn.Module,
    splits: Mapping[str, Split],
    prepare: Prepare,
    loss_fn: LossFn,
    optim: OptimConfig,
    *,
    loop: LoopConfig,
    evaluate: Evaluate | None = None,
    draw: Draw | None = None,
    report: Callable[[], Mapping[str, Any]] = dict,
    inputs: str = "image",
) -> Task:
    """The task of one model, one loss and one optimizer over a run of `loop`'s length.

    `inputs` names the entry of the prepared batch that the model is first called with.
    """
    steps = total_steps(loop, splits["train"].steps_per_epoch)
    tx = make_optimizer(optim, steps)
    check_whole_batch(optim, splits["train"])

    def init(key: Key) -> TrainState:
        x = example_input(splits["train"], prepare, inputs)
        return first_state(model, tx, key, x, averaged=bool(optim.ema or optim.swa))

    return Task(
        splits=splits,
        init=init,
        prepare=prepare,
        step=make_step(loss_fn, tx, prepare, optim, steps),
        evaluate=evaluate,
        draw=draw,
        report=report,
        model=model,
        loss_fn=loss_fn,
        tx=tx,
        rate=lambda t: float(optim.lr * schedule_shape(optim, steps)(jnp.int32(t))),
        refresh=make_refresh(loss_fn, prepare, splits["train"], optim),
    )


def first_state(model: nn.Module, tx: Any, key: Key, x: Any, *, averaged: bool) -> TrainState:
    """The state of `model`, called with `x`, under `tx`; `averaged`: with averages."""
    init_key, run_key = jax.random.split(key)
    variables = dict(model.init(init_key, x, train=False))
    params = variables.pop("params")
    opt_state = tx.init(params)
    state = TrainState(
        step=jnp.int32(0),
        params=params,
        opt_state=opt_state,
        key=run_key,
        extra=variables,
        hyper=dict(opt_state.hyperparams),
    )
    return state.start_averages() if averaged else state


def make_refresh(
    loss_fn: LossFn, prepare: Prepare, split: Split, optim: OptimConfig
) -> Callable[[TrainState], TrainState]:
    """What gives averaged weights batch statistics of their own, where `optim` averages."""
    return batch_statistics(loss_fn, prepare, split) if optim.ema or optim.swa else _same


def with_loss(task: Task, loss_fn: LossFn, tx: Any, optim: OptimConfig, steps: int) -> Task:
    """`task` with another loss and transformation, and what follows from them."""
    step = make_step(loss_fn, tx, task.prepare, optim, steps)
    refresh = make_refresh(loss_fn, task.prepare, task.splits["train"], optim)
    return replace(task, loss_fn=loss_fn, tx=tx, step=step, refresh=refresh)


def make_step(loss_fn: LossFn, tx: Any, prepare: Prepare, optim: OptimConfig, steps: int) -> Step:
    """The step of `optim`'s kind, in a run of `steps`."""
    if optim.line_search:
        return make_line_search_step(loss_fn, tx, prepare, penalty=l2_penalty(optim))
    assert isinstance(optim, FirstOrder), "a rule without a line search"
    average = average_weights(round(optim.swa * steps), optim.swa_every)
    return make_train_step(
        loss_fn,
        tx,
        prepare,
        ema=optim.ema,
        accumulate=optim.accumulate_steps,
        after_update=average if optim.swa else _same,
    )


def check_whole_batch(optim: OptimConfig, split: Split) -> None:
    """Raises UsageError where a line search would see another part of the data at each step."""
    if optim.line_search and split.batch_size != split.size:
        raise UsageError(
            f"optim.name = {optim.name} searches on the whole training split; set data.batch_size "
            f"to its {split.size} rows, got {split.batch_size}"
        )


def as_it_is(keys: Key, batch: Batch, *, train: bool) -> Batch:
    """The `prepare` of data that needs none."""
    return batch


def example_batch(split: Split, rows: int = 2) -> Batch:
    """The split's example, `rows` times over."""
    return {name: np.stack([value] * rows) for name, value in split.example.items()}


def example_input(split: Split, prepare: Prepare, inputs: str = "image") -> Any:
    """Zeros of the shapes that `prepare` gives to `inputs`, an array or a tree of them."""
    batch = example_batch(split)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    shapes = jax.eval_shape(lambda k, b: dict(prepare(k, b, train=False)), keys, batch)[inputs]
    return jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)
