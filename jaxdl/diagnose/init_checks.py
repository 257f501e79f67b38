"""What can be said of a network before its first step: loss, weights, gradients, units."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.diagnose.verdict import Verdict, judge, unknown
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.state import TrainState
from jaxdl.training.task import Task
from jaxdl.typing import AXIS, Batch, Host, Tree

WAIT = 3  # steps of descent that a gradient may be zero for


def jit_on_one_device(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which names the axis of devices, compiled for one."""

    @jax.jit
    def run(*args: Any) -> Any:
        mapped = jax.vmap(lambda _: function(*args), axis_name=AXIS)(jnp.zeros(1, jnp.float32))
        return jax.tree.map(lambda x: x[0], mapped)

    return run


def check_init(task: Task, state: TrainState, batch: Batch) -> list[Verdict]:
    """Verdicts on the first loss, weights and gradients; `batch` is prepared."""
    assert task.loss_fn is not None, "the caller has looked"
    grad_fn = jit_on_one_device(jax.value_and_grad(task.loss_fn, has_aux=True))
    key = jax.random.key(0)
    params, batch = state.params, dict(batch)
    (loss, _), grads = grad_fn(params, state.extra, batch, key)
    for _ in range(WAIT):  # behind a last layer that starts at zero the others wait for a step
        if all(np.any(g) for g in flatten(grads).values() if g.ndim > 1):
            break
        params = jax.tree.map(lambda p, g: p - 0.01 * g, params, grads)
        _, grads = grad_fn(params, state.extra, batch, key)
    return [
        initial_loss(task, state, batch, float(loss)),
        initial_weights(state.params),
        gradients(flatten(grads)),
    ]


def initial_loss(task: Task, state: TrainState, batch: Batch, loss: float) -> Verdict:
    """Cross-entropy starts near log C; what another loss should be is not known."""
    classes = len(task.splits["train"].classes)
    words = f"{loss:.3f}"
    if not math.isfinite(loss):
        return Verdict("initial loss", "fail", words)
    if not is_cross_entropy(task, state, batch, loss):
        return unknown("initial loss", words + "; not a cross-entropy, what to expect is not known")
    want = math.log(classes)
    ratio = max(loss, 1e-12) / want
    words += f", log {classes} is {want:.3f}"
    hint = ": the first logits are too large" if ratio > 2 else ""
    return judge("initial loss", ratio, words + hint, good=(0.7, 2.0), bad=(0.4, 4.0))


def is_cross_entropy(task: Task, state: TrainState, batch: Batch, loss: float) -> bool:
    """Whether the loss is about that of softmax(logits), for a model that gives class logits."""
    classes = len(task.splits["train"].classes)
    if task.model is None or classes < 2 or "label" not in batch:
        return False
    x = batch.get("image", batch.get("input"))
    logits = jax.jit(lambda v, x: task.model.apply(v, x, train=False))(state.variables, x)
    label = np.asarray(batch["label"])
    if np.shape(logits) != (len(label), classes):
        return False
    log = jax.nn.log_softmax(logits)[np.arange(len(label)), label]
    entropy = -float(jnp.mean(log))
    return abs(loss - entropy) < 0.2 * max(entropy, 0.1)


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
