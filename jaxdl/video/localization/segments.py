"""Segments of time as `(..., 2)`, start and end: overlaps, anchors, offsets, features inside."""

import jax
import jax.numpy as jnp

from jaxdl.typing import Array, Host

LONGEST = 4.0  # of the logarithm of a length over its anchor's


def temporal_iou(a: Array, b: Array) -> Array:
    """tIoU of all pairs: `(N, 2)`, `(M, 2)` -> `(N, M)`; empty segments overlap nothing."""
    low = jnp.maximum(a[:, None, 0], b[None, :, 0])
    high = jnp.minimum(a[:, None, 1], b[None, :, 1])
    inter = jnp.maximum(high - low, 0)
    union = (a[:, 1] - a[:, 0])[:, None] + (b[:, 1] - b[:, 0])[None] - inter
    return jnp.where(inter > 0, inter / jnp.where(union > 0, union, 1), 0)


def as_boxes(segments: Array | Host) -> Array:
    """Boxes of height 1 with the same overlaps, for what works on boxes: -> `(..., 4)` corners."""
    start, end = segments[..., 0], segments[..., 1]
    return jnp.stack([start, jnp.zeros_like(start), end, jnp.ones_like(end)], axis=-1)


def anchor_segments(cells: int, stride: int, lengths: tuple[int, ...]) -> Array:
    """Segments of every length around the center of every cell: `(cells * len(lengths), 2)`."""
    center = (jnp.arange(cells) + 0.5)[:, None] * stride
    half = jnp.array(lengths, jnp.float32)[None] / 2
    return jnp.stack([center - half, center + half], axis=-1).reshape(-1, 2)


def encode_segments(anchors: Array, segments: Array) -> Array:
    """(c - ca) / la and log(l / la), R-CNN's transform in one dimension: `(..., 2)` x 2 -> same."""
    (center_a, length_a), (center, length) = _parts(anchors), _parts(segments)
    length = jnp.maximum(length, 1e-3)
    return jnp.stack([(center - center_a) / length_a, jnp.log(length / length_a)], axis=-1)


def decode_segments(anchors: Array, offsets: Array) -> Array:
    """The segments of `encode_segments`'s offsets: `(..., 2)` x 2 -> `(..., 2)`."""
    center_a, length_a = _parts(anchors)
    center = center_a + offsets[..., 0] * length_a
    half = length_a * jnp.exp(jnp.clip(offsets[..., 1], -LONGEST, LONGEST)) / 2
    return jnp.stack([center - half, center + half], axis=-1)


def pool_segments(features: Array, segments: Array, *, bins: int, stride: int) -> Array:
    """Features at the centers of `bins` equal parts, linear between cells (RoI align in time).

    `(T', D)`, `(N, 2)` in steps, of which a cell has `stride` -> `(N, bins, D)`.
    """
    parts = (jnp.arange(bins) + 0.5)[None] / bins
    places = segments[:, :1] + parts * (segments[:, 1:] - segments[:, :1])
    place = jnp.clip(places / stride - 0.5, 0, len(features) - 1)
    low = jnp.floor(place).astype(jnp.int32)
    part = (place - low)[..., None]
    above = jnp.minimum(low + 1, len(features) - 1)
    return features[low] * (1 - part) + features[above] * part


def match_segments(candidates: Array, truth: Array, kept: Array) -> tuple[Array, Array]:
    """(the truth that each candidate overlaps most, by how much): `(N, 2)`, `(M, 2)`, `(M,)`."""
    overlap = jnp.where(kept[None], temporal_iou(candidates, truth), 0)
    return jnp.argmax(overlap, axis=1), jax.lax.stop_gradient(jnp.max(overlap, axis=1))


def _parts(segments: Array) -> tuple[Array, Array]:
    start, end = segments[..., 0], segments[..., 1]
    return (start + end) / 2, jnp.maximum(end - start, 1e-3)
