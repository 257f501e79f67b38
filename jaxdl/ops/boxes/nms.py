"""Suppression of boxes that others cover, of fixed size: indices and a mask, for one picture.

`jax.vmap` takes a batch. NMS keeps, from the highest score down, each box whose IoU with all kept
ones is at most a threshold; equal scores go by place.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.ops.boxes.geometry import iou
from jaxdl.typing import Array, ArrayLike

# Boxes looked at together. A CPU is busy with few; an accelerator, which waits at each turn of a
# loop, takes what is a matrix of 16 MB.
CPU_BLOCK, BLOCK = 128, 4096


class NMSResult(NamedTuple):
    """`index` `(K,)` int32 of boxes by falling score, `valid` `(K,)` bool, `score` `(K,)`."""

    index: Array  # 0 where it is not valid
    valid: Array
    score: Array  # 0 where it is not valid


class _Ranked(NamedTuple):
    """Candidates by falling score."""

    boxes: Array  # (N, 4)
    labels: Array  # (N,)
    valid: Array  # (N,) bool, the valid first


class _Kept(NamedTuple):
    boxes: Array  # (K + 1, 4): the last row takes what does not fit
    labels: Array
    place: Array
    count: Array
    block: Array


def select_top(scores: Array, valid: Array, count: int) -> NMSResult:
    """The `count` best of the valid: `(N,)`, `(N,)` bool -> `(count,)`, also where N is smaller."""
    check_rank("select_top: scores", scores, 1)
    ranked = jnp.where(valid & ~jnp.isnan(scores), scores, -jnp.inf)
    found, index = jax.lax.top_k(ranked, min(count, len(scores)))
    missing = count - len(index)
    good = jnp.pad(found > -jnp.inf, (0, missing))
    index = jnp.where(good, jnp.pad(index, (0, missing)), 0).astype(jnp.int32)
    return NMSResult(index, good, jnp.where(good, jnp.pad(found, (0, missing)), 0))


@partial(jax.jit, static_argnames="count")
def nms(
    boxes: Array,
    scores: Array,
    valid: Array | None = None,
    *,
    threshold: ArrayLike | float = 0.5,
    count: int | None = None,
    labels: Array | None = None,
) -> NMSResult:
    """Greedy NMS: `(N, 4)`, `(N,)`, `(N,)` bool -> the first `count` (default N) that are kept.

    With `labels` `(N,)` only boxes of one class suppress each other. Boxes are looked at in blocks:
    each is compared with those kept so far, then within itself until nothing changes, which is the
    sequential answer; work ends when `count` are found. A box of area 0 suppresses nothing.
    """
    check_rank("nms: boxes", boxes, 2)
    if scores.shape != boxes.shape[:1]:
        raise ValueError(f"nms: {len(boxes)} boxes need as many scores, got shape {scores.shape}")
    size = len(boxes)
    count = size if count is None else count
    valid = jnp.ones(size, bool) if valid is None else valid
    labels = jnp.zeros(size, jnp.int32) if labels is None else labels
    ranked = select_top(scores, valid, size)
    candidates = _Ranked(boxes[ranked.index], labels[ranked.index], ranked.valid)
    cpu, stock = (partial(_suppress, count=count, block=b) for b in (CPU_BLOCK, BLOCK))
    place, kept = jax.lax.platform_dependent(candidates, threshold, cpu=cpu, default=stock)
    good = jnp.arange(count) < kept
    index = jnp.where(good, ranked.index[place], 0)
    return NMSResult(index, good, jnp.where(good, scores[index], 0))


def class_wise_nms(
    boxes: Array,
    scores: Array,
    labels: Array,
    valid: Array | None = None,
    *,
    threshold: float = 0.5,
    count: int | None = None,
) -> NMSResult:
    """`nms` in which only boxes of equal `labels` `(N,)` suppress each other."""
    return nms(boxes, scores, valid, threshold=threshold, count=count, labels=labels)


@partial(jax.jit, static_argnames=("count", "method"))
def soft_nms(
    boxes: Array,
    scores: Array,
    valid: Array | None = None,
    *,
    count: int | None = None,
    method: str = "gaussian",
    sigma: float = 0.5,
    threshold: float = 0.3,
    least: float = 1e-3,
) -> NMSResult:
    """Soft-NMS (Bodla et al. 2017, arXiv 1704.04503): scores fall with the IoU instead.

    `gaussian`: s <- s exp(-IoU^2 / sigma); `linear`: s <- s (1 - IoU) where IoU is above
    `threshold`. Boxes whose score falls to `least` are left out. `score` is the fallen one.
    """
    check_one_of("soft_nms: method", method, ("gaussian", "linear"))
    size = len(boxes)
    count = size if count is None else count
    valid = jnp.ones(size, bool) if valid is None else valid
    live = jnp.where(valid & ~jnp.isnan(scores), scores, -jnp.inf)

    def step(live: Array, _: Array) -> tuple[Array, tuple[Array, Array]]:
        best = jnp.argmax(live).astype(jnp.int32)
        top = live[best]
        overlap = iou(boxes[best][None], boxes)[0]
        if method == "gaussian":
            factor = jnp.exp(-(overlap**2) / sigma)
        else:
            factor = jnp.where(overlap > threshold, 1 - overlap, 1)
        fallen = jnp.where(live > 0, live * factor, live)
        return fallen.at[best].set(-jnp.inf), (best, top)

    _, (index, score) = jax.lax.scan(step, live, jnp.arange(count))
    good = score > least
    return NMSResult(jnp.where(good, index, 0), good, jnp.where(good, score, 0))


def _suppress(
    ranked: _Ranked, threshold: ArrayLike, *, count: int, block: int
) -> tuple[Array, Array]:
    """Places `(count,)` of those that are kept among the ranked, and how many are."""
    size = len(ranked.valid)
    block = min(block, -(-size // CPU_BLOCK) * CPU_BLOCK)
    blocks = (jnp.sum(ranked.valid, dtype=jnp.int32) + block - 1) // block  # with a valid box
    ranked = jax.tree.map(
        lambda x: jnp.pad(x, [(0, -size % block), *[(0, 0)] * (x.ndim - 1)]), ranked
    )
    room = -(-count // block) * block
    kept = _Kept(
        jnp.zeros((room + 1, 4), ranked.boxes.dtype),
        jnp.full(room + 1, -1, ranked.labels.dtype),
        jnp.zeros(room + 1, jnp.int32),
        jnp.int32(0),
        jnp.int32(0),
    )

    def more(kept: _Kept) -> Array:
        return (kept.block < blocks) & (kept.count < count)

    def step(kept: _Kept) -> _Kept:
        return _take_block(kept, ranked, threshold, block)

    kept = jax.lax.while_loop(more, step, kept)
    return kept.place[:count], kept.count


def _take_block(kept: _Kept, ranked: _Ranked, threshold: ArrayLike, size: int) -> _Kept:
    """`kept` with what is kept of the next block of the ranked."""
    room, first = len(kept.boxes) - 1, kept.block * size
    block, kinds, good = (jax.lax.dynamic_slice_in_dim(x, first, size) for x in ranked)
    good &= ~_covered(block, kinds, kept, threshold)
    good = _settle(block, kinds, good, threshold)
    place = jnp.where(good, kept.count + jnp.cumsum(good, dtype=jnp.int32) - 1, room)
    place = jnp.minimum(place, room)
    return _Kept(
        kept.boxes.at[place].set(block),
        kept.labels.at[place].set(kinds),
        kept.place.at[place].set(first + jnp.arange(size, dtype=jnp.int32)),
        jnp.minimum(kept.count + jnp.sum(good, dtype=jnp.int32), room),
        kept.block + 1,
    )


def _covered(block: Array, kinds: Array, kept: _Kept, threshold: ArrayLike) -> Array:
    """Which boxes of a block some kept one covers; only filled blocks of them are looked at."""
    size = len(block)

    def look(i: Array, covered: Array) -> Array:
        others = jax.lax.dynamic_slice_in_dim(kept.boxes, i * size, size)
        labels = jax.lax.dynamic_slice_in_dim(kept.labels, i * size, size)
        there = i * size + jnp.arange(size) < kept.count
        hides = (iou(others, block) > threshold) & (labels[:, None] == kinds[None])
        return covered | jnp.any(hides & there[:, None], axis=0)

    filled = (kept.count + size - 1) // size
    return jax.lax.fori_loop(0, filled, look, jnp.zeros(size, bool))


def _settle(block: Array, kinds: Array, good: Array, threshold: ArrayLike | float) -> Array:
    """Greedy suppression within a block whose boxes stand in order.

    Each round keeps what no kept earlier box hides. Box i is right from round i on at the latest,
    and once a round changes nothing all are.
    """
    hides = (iou(block, block) > threshold) & (kinds[:, None] == kinds[None])
    hides = jnp.triu(hides, 1)  # by an earlier one

    def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
        now, _ = state
        new = good & ~jnp.any(hides & now[:, None], axis=0)
        return new, jnp.any(new != now)

    return jax.lax.while_loop(lambda state: state[1], again, (good, jnp.bool_(True)))[0]
