"""A trained network as methods of interpretation take it: scores of a target, and their gradients.

In use:

    network = Network(variables, model)
    gradient(network, images, 281)  # of class 281
    gradient(network, images, Unit("stage2", (4, 4, 17)))
    gradient(network, images, lambda stages: stages["stage3"][..., 5].mean((1, 2)))
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxdl.checks import UsageError, unknown
from jaxdl.interpret.rewire import ReluRule, count_relus, evaluate, reaches, trace
from jaxdl.models.stages import Stages, stage_shapes
from jaxdl.typing import Array, Host, Tree


class Network(struct.PyTreeNode):
    """A model with named stages, its variables, and the rule by which its ReLUs pass gradients.

    `Network(variables, model)(images (B, H, W, C)) -> stages`, as in evaluation. With `relu` the
    values are the same and every ReLU's gradient is another: see `rewire.ruled_relu`.
    """

    variables: Tree
    model: nn.Module = struct.field(pytree_node=False)
    relu: ReluRule | None = struct.field(pytree_node=False, default=None)

    def __call__(self, images: Array) -> Stages:
        """Raises UsageError for a model without stages, or without ReLUs where they are changed."""
        if "stages" not in inspect.signature(type(self.model).__call__).parameters:
            raise UsageError(f"interpret: {type(self.model).__name__} has no named stages")
        apply: Any = partial(self.model.apply, train=False, stages=True)
        if self.relu is None:
            return apply(self.variables, images)
        closed, args, stages = trace(apply, self.variables, images)
        if not count_relus(closed.jaxpr):
            kind = type(self.model).__name__
            raise UsageError(f"{self.relu}: {kind} has no ReLU; this method is of networks of them")
        outputs = evaluate(closed.jaxpr, closed.consts, args, relu=self.relu)
        return jax.tree.unflatten(jax.tree.structure(stages), outputs)

    def maps(self, images: Array) -> list[str]:
        """The stages that are maps `(B, h, w, C)`, from the first to the last."""
        shapes = stage_shapes(self.model, images.shape[1:])
        return [name for name, shape in shapes.items() if len(shape) == 3]


@dataclass(frozen=True)
class Unit:
    """One number of a stage: `index` leaves the batch out, as `(row, column, channel)`."""

    stage: str
    index: tuple[int, ...]

    def __call__(self, stages: Stages) -> Array:
        """`(B,)`. Raises UsageError for a stage or an index that is not there."""
        if self.stage not in stages:
            raise unknown("stage", self.stage, stages)
        values = stages[self.stage]
        inside = len(self.index) == values.ndim - 1 and all(
            0 <= i < n for i, n in zip(self.index, values.shape[1:], strict=True)
        )
        if not inside:
            raise UsageError(
                f"unit {self.index} of {self.stage}: must lie in {values.shape[1:]}, batch left out"
            )
        return values[:, *self.index]


Target = int | Sequence[int] | Host | Unit | Callable[[Stages], Array]


class Score(struct.PyTreeNode):
    """A target in the form that compiled programs take."""

    classes: Any  # (B,), or None where there is a function
    of_stages: Callable[[Stages], Array] | None = struct.field(pytree_node=False)

    def __call__(self, stages: Stages) -> Array:
        """`(B,)`, one number per picture."""
        if self.of_stages is None:
            return jnp.take_along_axis(stages["logits"], self.classes[:, None], axis=1)[:, 0]
        score = self.of_stages(stages)
        batch = len(next(iter(stages.values())))
        if score.shape != (batch,):
            raise UsageError(
                f"target: must give one number per picture, shape ({batch},), got {score.shape}"
            )
        return score


def score_of(network: Network, images: Array, target: Target) -> Any:
    """Checks a target: a class for all pictures or one for each, a `Unit`, a function of stages.

    The score of a class is its logit. Returns a `Score`, or the function where it is a tree of
    arrays.
    """
    if images.ndim not in (4, 5):
        raise UsageError(
            "interpret: images must be (B, H, W, C), or clips (B, T, H, W, C), got shape "
            f"{images.shape}"
        )
    if isinstance(target, struct.PyTreeNode):  # a function whose numbers programs take as data
        return target
    if callable(target):
        return Score(None, target)
    logits = stage_shapes(network.model, images.shape[1:]).get("logits", ())
    if len(logits) != 1:
        kind = type(network.model).__name__
        raise UsageError(f"target: {kind} has no classes; give a Unit or a function of stages")
    classes = np.asarray(target)
    if not np.issubdtype(classes.dtype, np.integer) or classes.shape not in ((), (len(images),)):
        raise UsageError(
            f"target: must be one class or one for each of {len(images)} pictures, got {target!r}"
        )
    if classes.min() < 0 or classes.max() >= logits[0]:
        raise UsageError(f"target: a class must be in 0 to {logits[0] - 1}, got {target!r}")
    return Score(jnp.broadcast_to(classes, len(images)), None)


def stages_at(network: Network, images: Array, names: Sequence[str]) -> Stages:
    """The named stages of the pictures, in one compiled program.

    Raises UsageError for a stage that is not there.
    """
    known = stage_shapes(network.model, images.shape[1:])
    for name in names:
        if name not in known:
            raise unknown("stage", name, known)
    return _stages_at(network, images, tuple(names))


def scores(network: Network, images: Array, target: Target) -> Array:
    """The score of the target `(B,)`."""
    return _scores(network, images, score_of(network, images, target))


def gradient(network: Network, images: Array, target: Target) -> Array:
    """d score / d images `(B, H, W, C)`, in the values that the network is given."""
    return _gradient(network, images, score_of(network, images, target))


def stage_gradient(
    network: Network, images: Array, target: Target, stage: str
) -> tuple[Array, Array]:
    """A stage, and d score / d stage; both `(B, ...)`.

    Raises UsageError where there is no such stage, or where the score does not depend on it.
    """
    score = score_of(network, images, target)
    known = stage_shapes(network.model, images.shape[1:])
    if stage not in known:
        raise unknown("stage", stage, known)
    return _stage_gradient(network, images, score, stage)


def shifted_score(network: Network, images: Array, score: Score, stage: str, shift: Array) -> Any:
    """(score, stage) with `shift` added to the stage and all that is computed from it."""

    def compute(network: Network, images: Array, score: Score) -> tuple[Array, Stages]:
        stages = network(images)
        return score(stages), stages

    closed, args, (score_var, stages) = trace(compute, network, images, score)
    if not reaches(closed.jaxpr, stages[stage], score_var):
        raise UsageError(f"stage {stage!r}: the target does not depend on it; give an earlier one")
    offsets = {stages[stage]: shift}
    outputs = evaluate(closed.jaxpr, closed.consts, args, offsets=offsets)
    place = [var is stages[stage] for var in closed.jaxpr.outvars].index(True)
    return outputs[0], outputs[place]


@partial(jax.jit, static_argnames="names")
def _stages_at(network: Network, images: Array, names: tuple[str, ...]) -> Stages:
    stages = network(images)
    return {name: stages[name] for name in names}


@jax.jit
def _scores(network: Network, images: Array, score: Score) -> Array:
    return score(network(images))


@jax.jit
def _gradient(network: Network, images: Array, score: Score) -> Array:
    return jax.grad(lambda x: score(network(x)).sum())(images)


@partial(jax.jit, static_argnames="stage")
def _stage_gradient(
    network: Network, images: Array, score: Score, stage: str
) -> tuple[Array, Array]:
    shape: Any = jax.eval_shape(network, images)[stage]

    def total(shift: Array) -> tuple[Array, Array]:
        value, stage_value = shifted_score(network, images, score, stage, shift)
        return value.sum(), stage_value

    grads, value = jax.grad(total, has_aux=True)(jnp.zeros(shape.shape, shape.dtype))
    return value, grads
