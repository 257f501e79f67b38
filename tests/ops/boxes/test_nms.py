"""Suppression against the greedy loop, and soft suppression against the paper's."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.boxes.nms import _Ranked, _suppress, class_wise_nms, nms, select_top, soft_nms


def shares(a, b):
    """IoU of one box with many, in float64."""
    low, high = np.maximum(a[:2], b[:, :2]), np.minimum(a[2:], b[:, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[:, 2:] - b[:, :2], axis=1) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def greedy(boxes, scores, threshold, labels=None, valid=None):
    boxes = boxes.astype(np.float64)
    live = np.ones(len(boxes), bool) if valid is None else valid.copy()
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if live[i]:
            kept.append(int(i))
            hidden = shares(boxes[i], boxes) > threshold
            live &= ~(hidden & (labels == labels[i])) if labels is not None else ~hidden
    return kept


def scene(seed, n, side):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, side, (n, 2))
    boxes = np.concatenate([low, low + rng.integers(0, 12, (n, 2))], 1).astype(np.float32)
    return boxes, rng.integers(0, 50, n).astype(np.float32) / 50, rng.integers(0, 3, n)


def indices(chosen):
    valid = np.asarray(chosen.valid)
    assert (np.diff(valid.astype(int)) <= 0).all()  # the valid come first
    return np.asarray(chosen.index)[valid].tolist()


@pytest.mark.parametrize("threshold", [0.31, 0.69])
@pytest.mark.parametrize("side", [15, 60])
def test_nms_is_the_greedy_loop_with_ties_and_zero_boxes(side, threshold):
    boxes, scores, labels = scene(side, 400, side)
    valid = np.random.default_rng(1).random(400) < 0.9
    run = jax.jit(lambda b, s, v: nms(b, s, v, threshold=threshold))
    assert indices(run(boxes, scores, valid)) == greedy(boxes, scores, threshold, valid=valid)
    run = jax.jit(lambda b, s, c: class_wise_nms(b, s, c, threshold=threshold))
    assert indices(run(boxes, scores, labels)) == greedy(boxes, scores, threshold, labels)


@pytest.mark.parametrize("count", [3, 300])
@pytest.mark.parametrize("block", [128, 256, 4096])
def test_any_block_gives_the_answer_of_the_loop(block, count):
    boxes, scores, labels = scene(5, 400, 40)
    order = np.argsort(-scores, kind="stable")
    ranked = _Ranked(boxes[order], labels[order], np.arange(400) < 390)
    run = jax.jit(partial(_suppress, count=count, block=block))
    place, kept = run(ranked, 0.5)
    want = greedy(boxes[order], -np.arange(400.0), 0.5, labels[order], np.arange(400) < 390)
    assert np.asarray(place)[: int(kept)].tolist()[:count] == want[:count]
    assert min(int(kept), count) == min(len(want), count)


@pytest.mark.parametrize(("platform", "rows"), [("cpu", 128), ("cuda", 4096), ("tpu", 4096)])
def test_an_accelerator_is_given_large_blocks(platform, rows):
    given = jnp.zeros((5000, 4)), jnp.zeros(5000)
    lowered = nms.trace(*given).lower(lowering_platforms=(platform,)).as_text()
    assert set(re.findall(r"tensor<(\d+)x\1xi1>", lowered)) == {str(rows)}


@pytest.mark.parametrize("count", [3, 300])
def test_the_first_of_those_that_are_kept(count):
    boxes, scores, _ = scene(7, 400, 60)
    got = nms(boxes, scores, threshold=0.5, count=count)
    assert got.index.shape == got.valid.shape == got.score.shape == (count,)
    want = greedy(boxes, scores, 0.5)[:count]
    assert indices(got) == want
    np.testing.assert_array_equal(got.score[: len(want)], scores[want])
    assert not np.asarray(got.score)[len(want) :].any()


def test_a_chain_that_takes_a_round_a_box():
    # Each box covers its right neighbor only, so that every other one stays.
    left = 4.0 * np.arange(200, dtype=np.float32)
    boxes = np.stack([left, 0 * left, left + 10, 0 * left + 1], axis=1)
    scores = np.linspace(1, 0.5, 200).astype(np.float32)
    assert indices(nms(boxes, scores, threshold=0.4)) == list(range(0, 200, 2))


def test_all_overlapping_none_valid_and_the_notes_example():
    boxes, scores = jnp.tile(jnp.array([[0.0, 0, 5, 5]]), (300, 1)), jnp.ones(300)
    assert indices(nms(boxes, scores)) == [0]
    assert indices(nms(boxes, scores, jnp.zeros(300, bool))) == []
    assert indices(nms(boxes, jnp.full(300, jnp.nan))) == []
    # IoU .78 with the best: out at threshold .7; .05 and .07 stay.
    boxes = jnp.array([[0, 0, 100, 100], [0, 0, 78, 100], [95, 0, 100, 100], [0, 93, 100, 100.0]])
    assert indices(nms(boxes, jnp.array([0.9, 0.8, 0.7, 0.6]), threshold=0.7)) == [0, 2, 3]


def test_a_batch_of_pictures():
    boxes, scores, _ = scene(3, 400, 20)
    boxes, scores = boxes.reshape(2, 200, 4), scores.reshape(2, 200)
    got = jax.vmap(lambda b, s: nms(b, s, threshold=0.5, count=150))(boxes, scores)
    for i in range(2):
        one = jax.tree.map(lambda x, i=i: x[i], got)
        assert indices(one) == greedy(boxes[i], scores[i], 0.5)[:150]


@pytest.mark.parametrize("method", ["gaussian", "linear"])
@pytest.mark.parametrize("strength", [0.2, 0.6])
def test_soft_nms_is_the_loop_of_the_paper(method, strength):
    boxes, scores, _ = scene(2, 30, 15)
    valid = np.arange(30) < 25
    got = soft_nms(
        boxes,
        scores,
        valid,
        count=30,
        method=method,
        sigma=strength,
        threshold=strength,
        least=0.05,
    )
    live, left, want = scores.astype(np.float64), list(range(25)), []
    while left:
        best = max(left, key=lambda i: live[i])
        if live[best] <= 0.05:
            break
        want.append((best, live[best]))
        left.remove(best)
        share = shares(boxes[best].astype(np.float64), boxes.astype(np.float64))
        linear = np.where(share > strength, 1 - share, 1)
        live *= np.exp(-(share**2) / strength) if method == "gaussian" else linear
    assert indices(got) == [i for i, _ in want]
    np.testing.assert_allclose(got.score[: len(want)], [s for _, s in want], rtol=1e-5)


def test_top_of_too_few():
    got = select_top(jnp.array([0.1, 0.7, 0.3]), jnp.array([True, False, True]), 5)
    assert indices(got) == [2, 0]
    np.testing.assert_allclose(got.score, [0.3, 0.1, 0, 0, 0])


def test_nms_names_what_it_refuses():
    with pytest.raises(ValueError, match=r"3 boxes need as many scores, got shape \(2,\)"):
        nms(jnp.ones((3, 4)), jnp.ones(2))
    with pytest.raises(ValueError, match="gaussian, linear"):
        soft_nms(jnp.ones((3, 4)), jnp.ones(3), method="hard")
