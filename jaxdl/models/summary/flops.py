"""What a traced program costs: multiply-adds by name scope, and what its marked values are."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from jaxdl.models.summary.receptive_field import Field, after, merge, whole
from jaxdl.ops.forms.by_platform import stock_program

Scope = tuple[str, ...]
MARK = "jaxdl:"  # names of `checkpoint_name` that start so are reported


@dataclasses.dataclass
class Costs:
    """Sums over a program; a marked value inside a loop counts once a turn."""

    multiply_adds: Counter[Scope] = dataclasses.field(default_factory=Counter)
    bytes: Counter[str] = dataclasses.field(default_factory=Counter)  # of marked values
    shapes: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    fields: dict[str, Field] = dataclasses.field(default_factory=dict)

    def include(self, other: "Costs", times: int = 1) -> None:
        """Adds the costs of an inner program that runs `times` times."""
        for scope, count in other.multiply_adds.items():
            self.multiply_adds[scope] += count * times
        for mark, count in other.bytes.items():
            self.bytes[mark] += count * times
        for name, field in other.fields.items():
            self.fields[name] = merge(self.fields.get(name), field)
        self.shapes |= other.shapes


def program_costs(closed: ClosedJaxpr, fields: Sequence[Field]) -> Costs:
    """Walks a program; `fields` are the receptive fields of its arguments."""
    return _walk(closed, fields, ())[1]


def output_fields(closed: ClosedJaxpr, fields: Sequence[Field]) -> list[Field]:
    """The receptive fields of a program's results from those of its arguments."""
    return _walk(closed, fields, ())[0]


def _walk(program: Any, fields: Sequence[Field], scope: Scope) -> tuple[list[Field], Costs]:
    jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    known = dict(zip(jaxpr.invars, fields, strict=True))
    costs = Costs()

    def field_of(var: Any) -> Field:
        return None if isinstance(var, Literal) else known.get(var)

    for eqn in jaxpr.eqns:
        seen = [field_of(var) for var in eqn.invars]
        here = scope + scope_of(eqn)
        inner = _inner_programs(eqn)
        if inner:
            out, cost = _walk_inner(eqn, inner, seen, here)
            costs.include(cost)
        else:
            out = [after(eqn, seen)] * len(eqn.outvars)
            _count(eqn, here, out[0], costs)
        known |= dict(zip(eqn.outvars, out, strict=True))
    return [field_of(var) for var in jaxpr.outvars], costs


def scope_of(eqn: Any) -> Scope:
    """The named scopes around an equation, without the transformations they went through."""
    text = re.sub(r"\w+\(|\)", "", str(eqn.source_info.name_stack))
    return tuple(text.split("/")) if text else ()


def _inner_programs(eqn: Any) -> list[Any]:
    stock = stock_program(eqn)
    if stock is not None:
        return [stock]
    for name in ("call_jaxpr", "jaxpr", "body_jaxpr", "branches"):
        inner = eqn.params.get(name)
        if inner is not None:
            programs = inner if isinstance(inner, tuple | list) else [inner]
            return [p for p in programs if isinstance(p, ClosedJaxpr | Jaxpr)]
    return []


def _walk_inner(
    eqn: Any, inner: list[Any], seen: list[Field], scope: Scope
) -> tuple[list[Field], Costs]:
    """Calls are followed; of branches the dearest counts; loops see all of what they read."""
    programs = [(p.jaxpr if isinstance(p, ClosedJaxpr) else p) for p in inner]
    straight = all(len(p.invars) == len(seen) for p in programs)
    if straight and eqn.primitive.name not in ("scan", "while"):
        walks = [_walk(p, seen, scope) for p in programs]
        return max(walks, key=lambda walk: sum(walk[1].multiply_adds.values()))
    all_seen = None
    for field in seen:
        all_seen = merge(all_seen, whole(field))
    walks = [_walk(p, [all_seen] * len(p.invars), scope)[1] for p in programs]
    costs = Costs()
    dearest = max(walks, key=lambda cost: sum(cost.multiply_adds.values()))
    costs.include(dearest, eqn.params.get("length", 1))
    return [all_seen] * len(eqn.outvars), costs


def _count(eqn: Any, scope: Scope, field: Field, costs: Costs) -> None:
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    if name == "name" and eqn.params["name"].startswith(MARK):
        mark = eqn.params["name"]
        costs.bytes[mark] += out.size * out.dtype.itemsize
        costs.shapes.setdefault(mark, out.shape)
        costs.fields[mark] = merge(costs.fields.get(mark), field)
    elif name == "dot_general":
        contracted = eqn.params["dimension_numbers"][0][0]
        depth = math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
        costs.multiply_adds[scope] += out.size * depth
    elif name == "conv_general_dilated":
        costs.multiply_adds[scope] += _conv_multiply_adds(eqn)


def _conv_multiply_adds(eqn: Any) -> int:
    """Every output meets the kernel once; where the input is spread, every input does instead."""
    form = eqn.params["dimension_numbers"]
    x, kernel = (var.aval for var in eqn.invars)
    out_features, in_features = (kernel.shape[axis] for axis in form.rhs_spec[:2])
    if max(eqn.params["lhs_dilation"], default=1) == 1:
        return eqn.outvars[0].aval.size * kernel.size // out_features
    groups = eqn.params["feature_group_count"]
    return x.size * kernel.size // (in_features * groups)
