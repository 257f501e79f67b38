"""Matching rules in loops and torchvision's own, the Hungarian assignment against SciPy's."""

import importlib
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.matching import (
    match_by_cell,
    match_by_cost,
    match_by_iou,
    match_by_range,
    match_each_truth,
)


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    return inter / union


def problem(seed, n=40, m=6, real=4) -> Any:
    rng = np.random.default_rng(seed)
    made = []
    for count in (n, m):
        low = rng.uniform(0, 10, (count, 2))
        made.append(np.concatenate([low, low + rng.uniform(1, 6, (count, 2))], 1))
    made[0][:real] = made[1][:real] + rng.uniform(-0.15, 0.15, (real, 4))  # some fit well
    kept = np.arange(m) < real
    made[1][~kept] = 0
    return *(np.float32(v) for v in made), kept


@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize(("positive", "negative"), [(0.7, 0.3), (0.4, 0.2)])
def test_matching_by_iou_is_the_rule_in_loops(best, positive, negative):
    seen = 0
    match = jax.jit(partial(match_by_iou, positive=positive, negative=negative, best=best))
    for seed in range(4):
        anchors, truths, kept = problem(seed)
        got = match(anchors, truths, kept)
        table = np.array(
            [
                [overlap(a, t) if k else 0 for t, k in zip(truths, kept, strict=True)]
                for a in anchors
            ]
        )
        for i, row in enumerate(table):
            top = [j for j in range(4) if best and row[j] == table[:, j].max() > 0]
            positive_here = row.max() >= positive or bool(top)
            assert got.positive[i] == positive_here
            assert got.negative[i] == (not positive_here and row.max() < negative)
            if positive_here:
                seen += 1
                assert got.truth[i] == (row.argmax() if row.max() >= positive else top[0])
    assert seen


@pytest.mark.parametrize("negative", [0.2, 0.5])
def test_matching_by_cell_is_the_rule_in_loops(negative):
    anchors = np.asarray(make_anchors((5, 6), (1, 1, 2, 2, 3, 2)))
    _, truths, kept = problem(5)
    truths = np.clip(truths / 2.2, 0, [6, 5, 6, 5]).astype(np.float32)
    got = jax.jit(partial(match_by_cell, negative=negative))(anchors, truths, kept)
    want = np.full((3, 5, 6), -1)
    for j in range(4):
        x, y = int((truths[j, 0] + truths[j, 2]) / 2), int((truths[j, 1] + truths[j, 3]) / 2)
        scores = [overlap(anchors[k, y, x], truths[j]) for k in range(3)]
        want[int(np.argmax(scores)), y, x] = j
    flat, want = anchors.reshape(-1, 4), want.ravel()
    np.testing.assert_array_equal(got.positive, want >= 0)
    np.testing.assert_array_equal(got.truth[want >= 0], want[want >= 0])
    low = np.array([max(overlap(a, t) for t in truths[:4]) < negative for a in flat])
    np.testing.assert_array_equal(got.negative, low & (want < 0))


@pytest.mark.parametrize("rule", ["iou", "own", "each"])
def test_matching_of_torchvisions_detectors_is_its_own(torchvision, rule):
    torch = pytest.importorskip("torch")
    lib = importlib.import_module("torchvision.models.detection._utils")
    if rule == "each":
        theirs, match = lib.SSDMatcher(0.5), partial(match_each_truth, positive=0.5)
    else:
        theirs = lib.Matcher(0.6, 0.3, allow_low_quality_matches=rule == "own")
        match = partial(match_by_iou, positive=0.6, negative=0.3, best=rule == "own", own=True)
    match = jax.jit(match)
    others = 0
    for seed in range(8):
        anchors, truths, kept = problem(seed, n=30, m=9, real=7)
        # Larger than all others, and so the best of several truths that are not its own.
        anchors[0] = [0, 0, 12, 12]
        table = [[overlap(a, t) for a in anchors] for t in truths[kept]]
        want = theirs(torch.tensor(table)).numpy()
        got = match(anchors, truths, kept)
        np.testing.assert_array_equal(got.positive, want >= 0)
        np.testing.assert_array_equal(got.truth[want >= 0], want[want >= 0])
        np.testing.assert_array_equal(got.negative, want == -1)
        if rule == "own":
            paper = match_by_iou(anchors, truths, kept, positive=0.6, negative=0.3)
            others += np.sum(paper.truth != got.truth)
    assert rule != "own" or others


@pytest.mark.parametrize("radius", [0.5, 1.5])
def test_matching_by_range_is_the_rule_in_loops(radius):
    rng, seen = np.random.default_rng(3), 0
    middle = rng.uniform(0, 16, (90, 2))
    side = rng.choice([2.0, 4.0], 90)
    anchors = np.concatenate([middle - side[:, None] / 2, middle + side[:, None] / 2], 1)
    reach = np.where(side[:, None] == 2, [[0, 5.0]], [[5.0, np.inf]])
    _, truths, kept = problem(2)
    truths = truths * 1.4
    got = match_by_range(*(jnp.float32(v) for v in (anchors, reach, truths)), kept, radius=radius)
    for i, ((x, y), s, (low, high)) in enumerate(zip(middle, side, reach, strict=True)):
        best, area = -1, np.inf
        for j in np.flatnonzero(kept):
            x1, y1, x2, y2 = truths[j]
            sides = x - x1, y - y1, x2 - x, y2 - y
            near = max(abs(x - (x1 + x2) / 2), abs(y - (y1 + y2) / 2)) < radius * s
            fits = near and min(sides) > 0 and low < max(sides) < high
            if fits and (x2 - x1) * (y2 - y1) < area:
                best, area = j, (x2 - x1) * (y2 - y1)
        assert got.positive[i] == (best >= 0) == (not got.negative[i])
        assert got.truth[i] == max(best, 0)
        seen += best >= 0
    assert seen > 5


@pytest.mark.parametrize("rule", ["iou", "cell", "each", "range"])
def test_padding_and_what_is_no_box_match_nothing(rule):
    anchors = make_anchors((4, 4), (1, 1, 2, 2))
    boxes, reach = anchors.reshape(-1, 4), jnp.tile(jnp.array([[0.0, jnp.inf]]), (32, 1))
    match: Any = {
        "iou": partial(match_by_iou, boxes),
        "cell": partial(match_by_cell, anchors),
        "each": partial(match_each_truth, boxes),
        "range": partial(match_by_range, boxes, reach),
    }[rule]
    match = jax.jit(match)
    truths = jnp.array([[np.nan, 0, 1, 1], [2, 2, 2, 2], [3, 3, 1, 1], [0, 0, 2, 2]])
    for kept in (jnp.zeros(4, bool), jnp.array([True, True, True, False])):
        got = match(truths, kept)
        assert not got.positive.any()
        assert got.negative.all()
    assert match(truths[:0], kept[:0]).negative.all()


def test_thresholds_must_rise():
    with pytest.raises(ValueError, match="got 0.8 and 0.5"):
        match_by_iou(
            jnp.ones((1, 4)), jnp.ones((1, 4)), jnp.ones(1, bool), positive=0.5, negative=0.8
        )


@pytest.mark.parametrize("queries", [3, 5, 12])
@pytest.mark.parametrize("kind", ["normal", "tied"])
def test_matching_by_cost_costs_what_scipys_does(queries, kind):
    rng = np.random.default_rng(0)
    cost = rng.normal(size=(30, queries, 5)).astype(np.float32)
    if kind == "tied":
        cost = rng.integers(-2, 3, cost.shape).astype(np.float32)
    kept = rng.permuted(np.arange(5)[None] < np.arange(30)[:, None] % 6, axis=1)  # 0 to 5
    got = np.asarray(jax.jit(match_by_cost)(cost, kept))
    for row, mine, real in zip(cost, got, kept, strict=True):
        rows, columns = linear_sum_assignment(row[:, real])
        want = np.float64(row[:, real])[rows, columns].sum()
        found = np.flatnonzero(mine >= 0)
        np.testing.assert_allclose(np.float64(row)[mine[found], found].sum(), want, rtol=1e-6)
        assert len(set(mine[found])) == len(found) == min(real.sum(), queries)
        assert real[found].all()


def test_a_pair_whose_cost_is_not_finite_is_avoided():
    cost = np.array([[np.nan, 1], [5, np.inf], [6, 9]], np.float32)
    match = jax.jit(match_by_cost)
    np.testing.assert_array_equal(match(cost, np.ones(2, bool)), [1, 0])
    assert len({*np.asarray(match(cost * np.nan, np.ones(2, bool)))} - {-1}) == 2  # it ends


def test_matching_by_cost_takes_no_truths_and_many():
    assert match_by_cost(jnp.zeros((2, 3, 0)), jnp.zeros((2, 0), bool)).shape == (2, 0)
    cost = np.random.default_rng(0).normal(size=(100, 200)).astype(np.float32)
    got = np.asarray(jax.jit(match_by_cost)(cost, np.ones(200, bool)))
    rows, columns = linear_sum_assignment(cost)
    found = np.flatnonzero(got >= 0)
    assert len(found) == 100
    want = cost[rows, columns].sum()
    np.testing.assert_allclose(cost[got[found], found].sum(), want, rtol=1e-5)
