"""What a model is made of, layer by layer: shapes, parameters, multiply-adds, memory, field."""

import inspect
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from jaxdl.draw import Figure, draw_bars
from jaxdl.models.summary.flops import MARK, program_costs
from jaxdl.models.summary.receptive_field import sizes, unit_receptive_field

Path = tuple[str, ...]


class Row(NamedTuple):
    """One layer. FLOPs are multiply-adds, of one example."""

    path: str
    kind: str  # the module's class
    shape: tuple[int, ...]  # of the output, without the batch
    parameters: int
    multiply_adds: int
    activation_bytes: int  # of the output
    receptive_field: tuple[int, ...] | None  # pixels, one a spatial axis; None: it has none


def summarize(
    model: nn.Module, example_shape: Sequence[int], *, dtype: Any = jnp.float32
) -> list[Row]:
    """A row for every layer of a Linen model in evaluation, in the order of the calls.

    A layer is a module that calls no other, or one with parameters or products of its own. Nothing
    is computed: the model is traced on the shape of one example, `example_shape` without the batch.
    """
    x = jax.ShapeDtypeStruct((1, *example_shape), dtype)
    takes_train = "train" in inspect.signature(type(model).__call__).parameters
    options = {"train": False} if takes_train else {}
    key = jax.eval_shape(jax.random.key, 0)
    variables = jax.eval_shape(partial(model.init, **options), key, x)
    modules: dict[Path, nn.Module] = {}
    with nn.intercept_methods(partial(_mark_outputs, modules)):
        program = jax.make_jaxpr(partial(model.apply, **options))(variables, x)
    fields = [None] * len(jax.tree.leaves(variables)) + [unit_receptive_field(x.shape)]
    costs = program_costs(program, fields)
    parameters = _by_module(modules, _parameter_sizes(variables.get("params", {})))
    products = _by_module(modules, {name[1:]: n for name, n in costs.multiply_adds.items()})
    rows = []
    for path, module in modules.items():
        own = parameters[path], products[path]
        if _is_leaf(path, module, modules) or any(own):
            mark = MARK + "/".join(path)
            rows.append(
                Row(
                    "/".join(path) or type(module).__name__,
                    type(module).__name__,
                    costs.shapes.get(mark, ())[1:],
                    *own,
                    costs.bytes[mark],
                    sizes(costs.fields.get(mark), x.shape),
                )
            )
    return rows


def total(rows: Sequence[Row]) -> Row:
    """The sums over all rows, with the last one's shape and field."""
    last = rows[-1]
    return last._replace(
        path="total",
        kind="",
        parameters=sum(row.parameters for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
    )


def table(rows: Sequence[Row]) -> str:
    """The rows and their total as aligned text."""
    head = ("layer", "kind", "output", "parameters", "FLOPs", "KiB", "field")
    lines = [head, *map(_cells, (*rows, total(rows)))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = (True, True, True, False, False, False, True)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def draw_costs(rows: Sequence[Row], *, title: str = "", most: int = 48) -> Figure:
    """Where memory, parameters and multiply-adds go: one bar per layer, or per block of layers."""
    parts: dict[str, list[Row]] = {row.path: [row] for row in rows}
    for depth in (3, 2, 1):
        if len(parts) > most:
            parts = {}
            for row in rows:
                parts.setdefault("/".join(row.path.split("/")[:depth]), []).append(row)
    sums = [total(part) for part in parts.values()]
    groups = {
        "activations, MiB": [part.activation_bytes / 2**20 for part in sums],
        "parameters, thousands": [part.parameters / 1e3 for part in sums],
        "multiply-adds, millions": [part.multiply_adds / 1e6 for part in sums],
    }
    return draw_bars(groups, list(parts), title=title)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.path,
        row.kind,
        "x".join(map(str, row.shape)),
        f"{row.parameters:,}",
        f"{row.multiply_adds:,}",
        f"{row.activation_bytes / 1024:,.1f}",
        "x".join(map(str, row.receptive_field or ())),
    )


def _mark_outputs(modules: dict[Path, nn.Module], call: Any, args: Any, options: Any, at: Any):
    """Notes the module and names what it returns, so that the trace shows where it came from."""
    if at.method_name != "__call__" and at.method_name.startswith(("setup", "_", "<")):
        return call(*args, **options)
    path = at.module.path
    modules.setdefault(path, at.module)
    out = call(*args, **options)
    if not all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(out)):
        return out  # a method that answers in numbers, no layer's output
    return jax.tree.map(lambda leaf: checkpoint_name(leaf, MARK + "/".join(path)), out)


def _is_leaf(path: Path, module: nn.Module, modules: dict[Path, nn.Module]) -> bool:
    if isinstance(module, nn.Dropout):  # nothing happens there in evaluation
        return False
    return not any(other[: len(path)] == path and other != path for other in modules)


def _parameter_sizes(params: Any) -> dict[Path, int]:
    return {
        tuple(key.key for key in path): leaf.size
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }


def _by_module(modules: dict[Path, nn.Module], counts: dict[Path, int]) -> Counter[Path]:
    """Counts by scope or parameter path, added up for the innermost module around each."""
    result = Counter()
    for names, count in counts.items():
        path = ()
        for name in names:
            inner = (*path, name.split(".")[0])  # Flax writes a method as module.method
            path = inner if inner in modules else path
        result[path] += count
    return result
