"""Model-agnostic meta-learning: a start from which a few gradient steps learn a new task."""

from collections.abc import Callable

import jax

from jaxdl.checks import check_at_least, check_positive
from jaxdl.typing import Array, Tree

TaskLoss = Callable[[Tree, Array, Array], Array]  # (params, inputs, labels) -> a scalar


def adapt(
    loss: TaskLoss,
    params: Tree,
    inputs: Array,
    labels: Array,
    *,
    rate: float,
    steps: int,
    first_order: bool = False,
) -> Tree:
    """theta' of `steps` updates theta <- theta - rate grad loss(theta), on the examples of a task
    (Finn et al. 2017, arXiv 1703.03400, eq. 1).

    Its gradient goes through the updates, second derivatives included; `first_order` takes the
    inner gradients for constants (section 5.2). Args: `inputs` `(N, ...)`, `labels` `(N,)`.
    """
    check_positive("adapt: rate", rate)
    check_at_least("adapt: steps", steps, 1)
    for _ in range(steps):
        grads = jax.grad(loss)(params, inputs, labels)
        if first_order:
            grads = jax.lax.stop_gradient(grads)
        params = jax.tree.map(lambda p, g: p - rate * g, params, grads)
    return params
