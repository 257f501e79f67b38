"""The numbers of a convolution: sizes, padding, and the convolutions that are its gradients."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax import lax

Padding = int | Sequence[int | tuple[int, int]]
LETTERS = {1: "W", 2: "HW", 3: "DHW"}


class Geometry(NamedTuple):
    """All static numbers of a convolution, one entry per spatial axis; hashable."""

    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    spread: tuple[int, ...]  # dilation of the input; it appears in gradients only
    dilation: tuple[int, ...]
    groups: int
    precision: Any = None


def per_axis(who: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """one positive int per spatial axis: an int is repeated."""
    values = (value,) * rank if isinstance(value, int | np.integer) else tuple(value)
    if len(values) != rank or any(v < 1 for v in values):
        raise ValueError(f"{who} must be an int >= 1, or {rank} of them, got {value}")
    return tuple(int(v) for v in values)


def pad_pairs(who: str, padding: Padding, rank: int) -> tuple[tuple[int, int], ...]:
    """Padding as (low, high) pairs: an int is repeated, an int of a sequence is meant twice."""
    if isinstance(padding, str):
        raise ValueError(f"{who} must be given in numbers, got {padding!r}; k // 2 keeps the size")
    entries = (padding,) * rank if isinstance(padding, int | np.integer) else tuple(padding)
    pairs = [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in entries]
    if len(pairs) != rank or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise ValueError(f"{who} must be an int >= 0, or {rank} ints or pairs, got {padding}")
    return tuple((int(low), int(high)) for low, high in pairs)


def out_sizes(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> tuple[int, ...]:
    """The spatial sizes of the result: floor((H + p_low + p_high - d (k - 1) - 1) / s) + 1."""
    stride, pads, spread, dilation = geometry[:4]
    return tuple(
        (span(n, b) + low + high - span(k, d)) // s + 1
        for n, k, s, (low, high), b, d in zip(
            sizes, window, stride, pads, spread, dilation, strict=True
        )
    )


def span(size: int, dilation: int) -> int:
    return (size - 1) * dilation + 1


def canonical_form(rank: int) -> lax.ConvDimensionNumbers:
    letters = LETTERS[rank]
    specs = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), specs)


def input_geometry(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> Geometry:
    """The convolution that takes the output's gradient to the input's, kernel flipped."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(sizes, window, geometry)
    new_pads = []
    for n, k, o, s, (low, _), b, d in zip(
        sizes, window, out, stride, pads, spread, dilation, strict=True
    ):
        before = span(k, d) - 1 - low
        new_pads.append((before, span(n, b) + span(k, d) - 1 - span(o, s) - before))
    return geometry._replace(stride=spread, pads=tuple(new_pads), spread=stride)


def kernel_geometry(sizes: Sequence[int], window: Sequence[int], geometry: Geometry) -> Geometry:
    """The convolution of the input with the output's gradient that gives the kernel's gradient."""
    stride, pads, spread, dilation = geometry[:4]
    out = out_sizes(sizes, window, geometry)
    new_pads = tuple(
        (low, span(o, s) + span(k, d) - 1 - span(n, b) - low)
        for n, k, o, s, (low, _), b, d in zip(
            sizes, window, out, stride, pads, spread, dilation, strict=True
        )
    )
    return geometry._replace(stride=dilation, pads=new_pads, dilation=stride)
