"""Receptive fields: which part of the network's input a value can depend on.

Along each spatial axis of the input, element o of a value sees the positions from `low + step o` to
`high + step o`. Every primitive of a traced program moves these three numbers in a known way, so
that branches, dilation and strides come out right without knowing the layers.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple


class ReceptiveField(NamedTuple):
    """Along one axis of the input: `axis` is the axis of the value that moves with it."""

    axis: int
    step: Fraction
    low: Fraction
    high: Fraction

    def window(self, axis: int, stride: Any, first: Any, last: Any) -> "ReceptiveField":
        """The reach of a value whose element o sees `stride o + first` to `stride o + last`."""
        return ReceptiveField(
            axis, self.step * stride, self.low + first * self.step, self.high + last * self.step
        )


WHOLE = ReceptiveField(
    -1, Fraction(0), Fraction(0), Fraction(0)
)  # any place of the value may see all
Field = (
    tuple[ReceptiveField, ...] | None
)  # one reach an axis of the input; None: does not depend on it
SCRAMBLED = {"cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "sort", "fft", "rev", "while"}


def unit_receptive_field(shape: Sequence[int]) -> Field:
    """The field of the input itself, `(B, H, W, C)`: each pixel sees itself."""
    return tuple(
        ReceptiveField(i, Fraction(1), Fraction(0), Fraction(0)) for i in range(1, len(shape) - 1)
    )


def sizes(field: Field, input_shape: Sequence[int]) -> tuple[int, ...] | None:
    """The number of pixels seen along each spatial axis of an input `(B, H, W, C)`, padding too.

    After a transposed convolution it is an upper bound: its elements do not all see as many.
    """
    if not field:
        return None
    return tuple(
        size if reach == WHOLE else math.floor(reach.high - reach.low) + 1
        for reach, size in zip(field, input_shape[1:-1], strict=True)
    )


def merge(a: Field, b: Field) -> Field:
    """The field of a value that sees two others at the same place."""
    if a is None or b is None:
        return a if b is None else b
    return tuple(_merge(p, q) for p, q in zip(a, b, strict=True))


def _merge(a: ReceptiveField, b: ReceptiveField) -> ReceptiveField:
    if (a.axis, a.step) != (b.axis, b.step):
        return WHOLE
    return a._replace(low=min(a.low, b.low), high=max(a.high, b.high))


def whole(field: Field) -> Field:
    """All of the input wherever there is a dependence."""
    return None if field is None else (WHOLE,) * len(field)


def after(eqn: Any, fields: Sequence[Field]) -> Field:
    """The field of the results of one primitive from those of its operands."""
    rule = RULES.get(eqn.primitive.name)
    moved = []
    for position, (var, field) in enumerate(zip(eqn.invars, fields, strict=True)):
        if field is None:
            continue
        if rule is None:
            same = var.aval.shape == eqn.outvars[0].aval.shape
            same = same and eqn.primitive.name not in SCRAMBLED
            moved.append(field if same else whole(field))
        else:
            moved.append(
                tuple(
                    reach if reach == WHOLE else rule(eqn, position, reach) or WHOLE
                    for reach in field
                )
            )
    result = None
    for field in moved:
        result = merge(result, field)
    return result


def _conv(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    form, p = eqn.params["dimension_numbers"], eqn.params
    batch, _, *spatial = form.lhs_spec
    if position or reach.axis not in (batch, *spatial):
        return None
    if reach.axis == batch:
        return reach._replace(axis=form.out_spec[0])
    i = spatial.index(reach.axis)
    size = eqn.invars[1].aval.shape[form.rhs_spec[2 + i]]
    fine = reach._replace(step=reach.step / p["lhs_dilation"][i])
    first = -p["padding"][i][0]
    last = first + (size - 1) * p["rhs_dilation"][i]
    return fine.window(form.out_spec[2 + i], p["window_strides"][i], first, last)


def _reduce_window(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    i, p = reach.axis, eqn.params
    first = -p["padding"][i][0]
    last = first + (p["window_dimensions"][i] - 1) * p["window_dilation"][i]
    return reach.window(i, p["window_strides"][i], first, last)


def _slice(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    start = eqn.params["start_indices"][reach.axis]
    strides = eqn.params["strides"]
    return reach.window(reach.axis, strides[reach.axis] if strides else 1, start, start)


def _pad(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    low, _, gap = eqn.params["padding_config"][reach.axis]
    return reach._replace(step=reach.step / (gap + 1)).window(reach.axis, 1, -low, -low)


def _transpose(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    return reach._replace(axis=eqn.params["permutation"].index(reach.axis))


def _broadcast(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    axis = eqn.params["broadcast_dimensions"][reach.axis]
    same = eqn.params["shape"][axis] == eqn.invars[0].aval.shape[reach.axis]
    return reach._replace(axis=axis) if same else None


def _reshape(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    """An axis lives on where its size and the number of elements before it are unchanged."""
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    for axis, size in enumerate(new):
        if size == old[reach.axis] and math.prod(new[:axis]) == math.prod(old[: reach.axis]):
            return reach._replace(axis=axis)
    return None


def _drop(axes: Sequence[int], reach: ReceptiveField) -> ReceptiveField | None:
    if reach.axis in axes:
        return None
    return reach._replace(axis=reach.axis - sum(axis < reach.axis for axis in axes))


def _squeeze(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    return _drop(eqn.params["dimensions"], reach)


def _reduce(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    return _drop(eqn.params["axes"], reach)


def _concatenate(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    return None if reach.axis == eqn.params["dimension"] else reach


def _split(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    return None if reach.axis == eqn.params["axis"] else reach


def _dot(eqn: Any, position: int, reach: ReceptiveField) -> ReceptiveField | None:
    contracted, batch = eqn.params["dimension_numbers"]
    here, shared = contracted[position], batch[position]
    if reach.axis in here:
        return None
    if reach.axis in shared:
        return reach._replace(axis=list(shared).index(reach.axis))
    ranks = [var.aval.ndim for var in eqn.invars]
    free = [axis for axis in range(ranks[position]) if axis not in (*here, *shared)]
    before = len(shared)
    if position:
        before += ranks[0] - len(contracted[0]) - len(batch[0])
    return reach._replace(axis=before + free.index(reach.axis))


REDUCTIONS = ("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or")
WINDOWS = ("reduce_window_sum", "reduce_window_max", "reduce_window_min")
RULES = {
    "conv_general_dilated": _conv,
    "slice": _slice,
    "pad": _pad,
    "transpose": _transpose,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "squeeze": _squeeze,
    "concatenate": _concatenate,
    "split": _split,
    "dot_general": _dot,
    **dict.fromkeys((*REDUCTIONS, "argmax", "argmin"), _reduce),
    **dict.fromkeys(WINDOWS, _reduce_window),
}
