"""What can be said of a network before its first step: loss, weights, gradients, units."""

import inspect
import math
from typing import Any

import jax
import numpy as np

from jaxdl.diagnose.first_loss import initial_loss, jit_on_one_device
from jaxdl.diagnose.verdict import Verdict, judge, unknown
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import Batch, Host, Tree

WAIT = 3  # steps of descent that a gradient may be zero for


def check_init(task: Task, plain: Task, state: TrainState, batch: Batch) -> list[Verdict]:
    """Verdicts on the first loss, weights and gradients; `batch` is prepared.

    `plain` is the task without regularization.
    """
    assert task.loss_fn is not None, "the caller has looked"
    grad_fn = jit_on_one_device(jax.value_and_grad(task.loss_fn, has_aux=True))
    key = jax.random.key(0)
    params, batch = state.params, dict(batch)
    _, grads = grad_fn(params, state.extra, batch, key)
    for _ in range(WAIT):  # behind a last layer that starts at zero the others wait for a step
        if all(np.any(g) for g in flatten(grads).values() if g.ndim > 1):
            break
        params = jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)
        _, grads = grad_fn(params, state.extra, batch, key)
    return [
        initial_loss(plain, state, batch),
        initial_weights(state.params),
        gradients(flatten(grads)),
    ]


def initial_weights(params: Tree) -> Verdict:
    """Kernels of one value give every unit the same gradient for ever; a last one may be zero."""
    kernels = {name: k for name, k in flatten(params).items() if k.ndim > 1}
    if not kernels:
        return unknown("initial weights", "there are no kernels")
    equal = [name for name, kernel in kernels.items() if np.ptp(kernel) == 0]
    words = f"{len(equal)} of {len(kernels)} kernels start with one value"
    if len(kernels) > 1 and 2 * len(equal) > len(kernels):
        return Verdict("initial weights", "fail", f"{words} ({', '.join(equal[:3])}): zero init?")
    return Verdict("initial weights", "pass", words)


def gradients(grads: dict[str, Host]) -> Verdict:
    """Norms of the kernels' gradients: the least over the largest, and the layers they are of."""
    norms = {n: float(np.linalg.norm(g.astype(np.float64))) for n, g in grads.items() if g.ndim > 1}
    if not norms:
        return unknown("gradient norms", "there are no kernels")
    low, high = min(norms, key=lambda n: norms[n]), max(norms, key=lambda n: norms[n])
    words = f"{norms[low]:.2g} ({low}) to {norms[high]:.2g} ({high})"
    if not all(map(math.isfinite, norms.values())):
        return Verdict("gradient norms", "fail", words + ": not finite")
    zero = [name for name, norm in norms.items() if norm == 0]
    if zero:
        return Verdict("gradient norms", "fail", f"none in {', '.join(zero[:4])}")
    if norms[high] > 1000:
        return Verdict("gradient norms", "fail", words + ": exploding")
    ratio = norms[low] / norms[high]
    hint = ": vanishing" if ratio < 1e-5 else ""
    return judge("gradient norms", ratio, words + hint, good=(1e-4, 1), bad=(1e-6, 1))


def dead_units(task: Task, variables: Tree, x: Any) -> Verdict:
    """Per named stage, the share of units (channels) that are zero, or all one value, on a batch.

    `x` is prepared. "flat" is left out: its units are places in an image, dark ones among them.
    """
    model = task.model
    if model is None or "stages" not in inspect.signature(type(model).__call__).parameters:
        return unknown("dead units", "the model names no stages")
    options: Any = {"train": False, "stages": True}
    stages = jax.jit(lambda v, x: model.apply(v, x, **options))(variables, x)
    shares = {}
    for name, value in stages.items():
        if name in ("flat", "logits") or value.ndim < 2:
            continue
        units = np.asarray(value).reshape(-1, value.shape[-1])
        shares[name] = float((np.ptp(units, axis=0) == 0).mean())
    if not shares:
        return unknown("dead units", "the model has no hidden stage")
    worst = max(shares, key=lambda n: shares[n])
    words = f"at most {shares[worst]:.0%} in a layer ({worst})"
    return judge("dead units", shares[worst], words, good=(0, 0.4), bad=(0, 0.8))
