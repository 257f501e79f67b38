"""Evaluate a traced network with a part of it changed: the gradient of its ReLUs, or one array.

A network is changed in its jaxpr, so that every ReLU of any model is met, whatever option or
library it came from, and no model has a second form.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.extend.core as jex
import jax.numpy as jnp

from jaxdl.checks import UsageError
from jaxdl.typing import Array

ReluRule = Literal["guided", "deconvnet"]
CEILING = {"relu": jnp.inf, "relu6": 6.0}  # `jax.nn`'s name -> where it is flat again
INLINED = ("jit", "remat2")  # the second is `jax.checkpoint`
GATES = ("hard_sigmoid",)  # written by relu6, and none: what it gives is a factor


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def ruled_relu(x: Array, ceiling: float, rule: ReluRule) -> Array:
    """min(max(x, 0), ceiling), with a gradient that passes only what is positive of the output's.

    "guided" (Springenberg et al. 2015, arXiv 1412.6806, fig. 1): and only where x is in (0,
    ceiling); "deconvnet" (Zeiler, Fergus 2014, arXiv 1311.2901): wherever x is.
    """
    return jnp.clip(x, 0, ceiling)


def _forward(x: Array, ceiling: float, rule: ReluRule) -> tuple[Array, Array]:
    return ruled_relu(x, ceiling, rule), x


def _backward(ceiling: float, rule: ReluRule, x: Array, grad: Array) -> tuple[Array]:
    kept = jnp.maximum(grad, 0)
    if rule == "guided":
        kept = jnp.where((x > 0) & (x < ceiling), kept, 0)
    return (kept,)


ruled_relu.defvjp(_forward, _backward)


def evaluate(
    jaxpr: jex.Jaxpr,
    consts: Sequence[Any],
    args: Sequence[Any],
    *,
    relu: ReluRule | None = None,
    offsets: Mapping[jex.Var, Array] | None = None,
) -> list[Any]:
    """The outputs of `jaxpr`, with `relu` as the rule of its ReLUs.

    `offsets` are added to variables of it where they are made, so that what is computed from them
    sees the sum. Raises UsageError for a ReLU in a loop or branch, which no rule reaches.
    """
    values: dict[jex.Var, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(var: Any) -> Any:
        return var.val if isinstance(var, jex.Literal) else values[var]

    for eqn in jaxpr.eqns:
        outputs = _apply(eqn, [read(var) for var in eqn.invars], relu)
        for var, value in zip(eqn.outvars, outputs, strict=True):
            added = (offsets or {}).get(var)
            values[var] = value if added is None else value + added
    return [read(var) for var in jaxpr.outvars]


def _apply(eqn: Any, inputs: Sequence[Any], relu: ReluRule | None) -> Sequence[Any]:
    name = relu_name(eqn)
    if relu is not None and name:
        return [ruled_relu(*inputs, CEILING[name], relu)]
    inner = list(jaxprs_in(eqn))
    if relu is not None and any(count_relus(one) for one in inner):
        if eqn.primitive.name in INLINED:
            consts = getattr(eqn.params["jaxpr"], "consts", ())
            return evaluate(inner[0], consts, inputs, relu=relu)
        raise UsageError(
            f"{relu}: this network has a ReLU inside of `{eqn.primitive.name}`, where its gradient "
            "cannot be changed; write that part of it without"
        )
    params = eqn.primitive.get_bind_params(eqn.params)
    with eqn.ctx.manager:
        outputs = eqn.primitive.bind(*inputs, **params)
    return outputs if eqn.primitive.multiple_results else [outputs]


def relu_name(eqn: Any) -> str:
    """ "relu" or "relu6" where an equation is that function of `jax.nn`, else ""."""
    if eqn.primitive.name != "custom_jvp_call":
        return ""
    # A custom derivative does not tell its name, but these two are compiled functions inside of it.
    inner = eqn.params["call_jaxpr"].jaxpr.eqns
    name = inner[0].params.get("name", "") if len(inner) == 1 else ""
    return name if name in CEILING else ""


def count_relus(jaxpr: jex.Jaxpr) -> int:
    """How many ReLUs there are in it, those of inner jaxprs included."""
    inner = (count_relus(one) for eqn in jaxpr.eqns for one in jaxprs_in(eqn))
    return sum(bool(relu_name(eqn)) for eqn in jaxpr.eqns) + sum(inner)


def jaxprs_in(eqn: Any) -> Iterator[jex.Jaxpr]:
    """The jaxprs among the parameters of an equation, but for those of gates."""
    if eqn.params.get("name") in GATES:
        return
    yield from jex.jaxprs_in_params(eqn.params)


def reaches(jaxpr: jex.Jaxpr, start: jex.Var, end: Any) -> bool:
    """Whether `end` is computed from `start`."""
    reached: set[Any] = {start}
    for eqn in jaxpr.eqns:
        if any(var in reached for var in eqn.invars if not isinstance(var, jex.Literal)):
            reached.update(eqn.outvars)
    return end in reached


def trace(fn: Callable[..., Any], *args: Any) -> tuple[jex.ClosedJaxpr, list[Any], Any]:
    """The jaxpr of `fn(*args)`, its flat arguments, and what it gives with variables as leaves."""
    closed, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
    outputs = jax.tree.unflatten(jax.tree.structure(shapes), closed.jaxpr.outvars)
    return closed, jax.tree.leaves(args), outputs
