"""What the first loss should be: log K for a cross-entropy, K - 1 for an SVM, log 2 for yes or no.

The logits are those that the loss itself computed, caught on their way, without regularization.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.diagnose.regularization import plain_loss
from jaxdl.diagnose.verdict import Verdict, judge, unknown
from jaxdl.losses.classification import (
    binary_cross_entropy,
    multiclass_hinge,
    softmax_cross_entropy,
)
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import AXIS, Batch, LossFn

NEAR = 0.05  # a loss is one that is known where they differ by so little
APART = 2.0  # what parameters are multiplied by, to see whether two losses keep their ratio


class Known(NamedTuple):
    """A loss that is known: its name, its value on a batch, and what it should start from.

    `of_rows`: of one label per row, so that nothing but its mean is meant.
    """

    name: str
    value: float
    start: float
    start_name: str
    of_rows: bool = False


def jit_on_one_device(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which names the axis of devices, compiled for one."""

    @jax.jit
    def run(*args: Any) -> Any:
        mapped = jax.vmap(lambda _: function(*args), axis_name=AXIS)(jnp.zeros(1, jnp.float32))
        return jax.tree.map(lambda x: x[0], mapped)

    return run


def initial_loss(task: Task, state: TrainState, batch: Batch) -> Verdict:
    """Against what a loss of its kind starts from; `task` is one without regularization."""
    assert task.loss_fn is not None, "the caller has looked"
    losses = jit_on_one_device(with_outputs(plain_loss(task.loss_fn)))
    try:
        value, outputs = losses(state.params, state.extra, batch, jax.random.key(0))
    except jax.errors.UnexpectedTracerError:  # the loss differentiates the model itself
        return unknown("initial loss", "of a derivative of the model; what to expect is not known")
    loss = float(value)
    if not math.isfinite(loss):
        return Verdict("initial loss", "fail", f"{loss:.3f}")
    known = list(known_losses(outputs, batch))
    near = [k for k in known if abs(loss - k.value) <= NEAR * max(k.value, 0.1)]
    if not near:
        larger = jax.tree.map(lambda p: APART * p, state.params)
        later, outputs = losses(larger, state.extra, batch, jax.random.key(0))
        words = f"{loss:.3f}" + scaled(
            known, list(known_losses(outputs, batch)), loss, float(later)
        )
        if ":" in words:
            return Verdict("initial loss", "fail", words)
        return unknown("initial loss", words + "; of no kind whose start is known")
    kind = min(near, key=lambda k: abs(loss - k.value))
    ratio = max(loss, 1e-12) / kind.start
    words = f"{loss:.3f}, {kind.start_name} is {kind.start:.3f}"
    hint = ": the first logits are too large" if ratio > 2 else ""
    return judge("initial loss", ratio, words + hint, good=(0.7, 2.0), bad=(0.4, 4.0))


def with_outputs(loss_fn: LossFn) -> Callable[..., Any]:
    """`f(...) -> (loss, [every array that a call of the whole model gave])`."""

    def run(*args: Any) -> Any:
        outputs = []

        def keep(call: Any, args: Any, options: Any, context: nn.module.InterceptorContext) -> Any:
            out = call(*args, **options)
            if context.method_name == "__call__" and not context.module.path:
                outputs.extend(jax.tree.leaves(out))
            return out

        with nn.intercept_methods(keep):
            loss, _ = loss_fn(*args)
        return loss, outputs

    return run


def known_losses(outputs: list[Any], batch: Batch) -> Iterator[Known]:
    """Every loss that is known, of every output and entry of the batch whose shapes fit."""
    for logits in outputs:
        for aim in jax.tree.leaves(dict(batch)):
            classes = logits.shape[-1] if logits.ndim else 0
            if aim.shape == logits.shape and aim.dtype == bool:
                value = float(jnp.mean(binary_cross_entropy(logits, aim)))
                yield Known("yes-or-no cross-entropy", value, math.log(2), "log 2")
            whole = np.issubdtype(aim.dtype, np.integer) and aim.shape == logits.shape[:-1]
            if not whole or classes < 2 or not 0 <= aim.min() <= aim.max() < classes:
                continue
            value = float(jnp.mean(softmax_cross_entropy(logits, aim)))
            yield Known("cross-entropy", value, math.log(classes), f"log {classes}", aim.ndim == 1)
            value = float(jnp.mean(multiclass_hinge(logits, aim)))
            yield Known("hinge loss", value, classes - 1.0, f"{classes} - 1")


def scaled(known: list[Known], later: list[Known], loss: float, loss_later: float) -> str:
    """Words on a loss that is a multiple of a cross-entropy, for these parameters and others."""
    for a, b in zip(known, later, strict=True):
        times = loss / max(a.value, 1e-12)
        moved = abs(b.value - a.value) > 0.05 * a.value
        if a.of_rows and moved and abs(loss_later - times * b.value) < 0.01 * abs(loss_later):
            return f": {times:.3g} times the mean {a.name}; a sum over rows, or a wrong scale?"
    return ""
