from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.box_coder import encode_yolo
from jaxdl.detection.dense.centernet import CenterMaps, centernet_candidates, centernet_losses
from jaxdl.detection.dense.heatmap import gaussian_radius, heat_targets
from jaxdl.detection.dense.one_stage import CellPredictions, one_stage_candidates, one_stage_losses
from jaxdl.detection.detector import DetectConfig, postprocess
from jaxdl.detection.two_stage.faster_rcnn import (
    BOX_WEIGHTS,
    Regions,
    faster_rcnn_candidates,
    faster_rcnn_losses,
)
from jaxdl.detection.two_stage.sampler import sample_balanced
from jaxdl.losses.detection import heatmap_focal_loss, smooth_l1
from tests.detection.thin import SHAPES, one_stage

GRID, SIZE, CLASSES = (4, 5), (32, 40), 3
RNG = np.random.default_rng(0)
BOXES = np.array(
    [[[3, 2, 12, 11], [16, 9, 39, 30], [0, 0, 0, 0]], [[20, 0, 30, 9], [0, 0, 0, 0], [0, 0, 0, 0]]]
)
BATCH = {
    "image": jnp.zeros((2, *SIZE, 3)),
    "boxes": jnp.asarray(BOXES, jnp.float32),
    "labels": jnp.array([[2, 0, 0], [1, 0, 0]]),
    "kept": jnp.array([[True, True, False], [True, False, False]]),
    "draw": jnp.arange(4, dtype=jnp.uint32).reshape(2, 2),
}
EMPTY = BATCH | {"boxes": 0 * BATCH["boxes"], "kept": jnp.zeros((2, 3), bool)}


LEARN = jax.jit(partial(faster_rcnn_losses, samples=8))


def cell_out():
    offsets = RNG.normal(size=(2, 3, *GRID, 4)) * 0.3
    shapes = ((2, 3, *GRID), offsets.shape, (2, *GRID, CLASSES))
    return CellPredictions(*(jnp.asarray(RNG.normal(size=s), jnp.float32) for s in shapes))


def overlap(a, b):
    inter = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return inter / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter)


@pytest.mark.parametrize("confidence", ["square", "cross_entropy"])
@pytest.mark.parametrize(("background", "negative"), [(0.5, 0.2), (1.0, 0.4)])
def test_losses_of_one_stage_are_the_notes_in_loops(confidence, background, negative):
    out, weights = cell_out(), (1.0, 2.0, 3.0)
    losses = partial(
        one_stage_losses,
        shapes=SHAPES,
        negative=negative,
        weights=weights,
        background=background,
        confidence=confidence,
    )
    got = jax.jit(losses)(out, BATCH)
    anchors = np.asarray(make_anchors(GRID, SHAPES), np.float64)
    want = np.zeros((3, 2))
    for b in range(2):
        truths = [BOXES[b, i] / 8 for i in range(3) if BATCH["kept"][b, i]]
        owner = {}
        for i, t in enumerate(truths):
            x, y = int((t[0] + t[2]) / 2), int((t[1] + t[3]) / 2)
            owner[int(np.argmax([overlap(anchors[k, y, x], t) for k in range(3)])), y, x] = i
        for k, y, x in np.ndindex(3, *GRID):
            z = float(out.confidence[b, k, y, x])
            p, target = 1 / (1 + np.exp(-z)), float((k, y, x) in owner)
            loss = (p - target) ** 2 if confidence == "square" else -np.log(p if target else 1 - p)
            if target:
                i = owner[k, y, x]
                want[0, b] += loss
                a, t = anchors[k, y, x], truths[i]
                aim = [(t[j] + t[j + 2] - a[j] - a[j + 2]) / 2 for j in range(2)]
                aim += [np.log((t[j + 2] - t[j]) / (a[j + 2] - a[j])) for j in range(2)]
                want[1, b] += np.sum((np.asarray(out.offsets[b, k, y, x]) - aim) ** 2)
                logits = np.float64(out.classes[b, y, x])
                own = int(BATCH["labels"][b, i])
                want[2, b] += np.log(np.exp(logits).sum()) - logits[own]
            elif max(overlap(anchors[k, y, x], t) for t in truths) < negative:
                want[0, b] += background * loss
    for row, name, weight in zip(want, ("confidence", "box", "class"), weights, strict=True):
        np.testing.assert_allclose(got[name], weight * row, rtol=1e-4)


def test_one_stage_reads_back_what_it_should_say():
    out, t = cell_out(), BOXES[0, 1] / 8
    x, y = int((t[0] + t[2]) / 2), int((t[1] + t[3]) / 2)
    anchor = make_anchors(GRID, SHAPES)[2, y, x]
    offsets = out.offsets.at[0, 2, y, x].set(encode_yolo(anchor, jnp.asarray(t, jnp.float32)))
    confidence = jnp.full_like(out.confidence, -9).at[0, 2, y, x].set(9)
    classes = jnp.zeros_like(out.classes).at[0, y, x, 1].set(12)
    sure = CellPredictions(confidence, offsets, classes)

    @jax.jit
    def read(out):
        candidates = one_stage_candidates(out, SIZE, shapes=SHAPES)
        return postprocess(DetectConfig(count=4), *candidates, SIZE)

    found = read(sure)
    assert found.valid.tolist() == [[True, False, False, False], [False] * 4]
    np.testing.assert_allclose(found.boxes[0, 0], BOXES[0, 1], atol=1e-3)
    assert found.labels[0, 0] == 1
    assert found.scores[0, 0] > 0.99
    assert not np.asarray(found.boxes[0, 1:]).any()


def test_detections_are_thresholded_suppressed_by_class_and_counted():
    boxes = jnp.array(
        [[[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 10], [20, 20, 30, 30], [5, 5, 5, 9]]]
    )
    scores, labels = jnp.array([[0.9, 0.8, 0.7, 0.2, 0.95]]), jnp.array([[0, 0, 1, 0, 0]])

    def pick(**options):
        config = DetectConfig(**options)
        choose = jax.jit(lambda *given: postprocess(config, *given, SIZE))
        return choose(boxes.astype(float), scores, labels)

    np.testing.assert_allclose(pick(count=5).scores[0], [0.9, 0.7, 0.2, 0, 0])
    np.testing.assert_allclose(pick(count=5, threshold=0.5).scores[0], [0.9, 0.7, 0, 0, 0])
    np.testing.assert_allclose(pick(count=5, overlap=0.95).scores[0], [0.9, 0.8, 0.7, 0.2, 0])
    np.testing.assert_allclose(pick(count=2).scores[0], [0.9, 0.7])
    np.testing.assert_allclose(pick(count=2, before=2).scores[0], [0.9, 0])


@pytest.mark.parametrize("bad", [{"threshold": 1.5}, {"overlap": -1}, {"count": 0}, {"before": 3}])
def test_options_of_detections_are_checked(bad):
    with pytest.raises(ValueError, match="detect"):
        DetectConfig(**bad)


def test_a_stage_that_is_not_there_is_named():
    model = one_stage(2).model.clone(stage="first")
    key = jax.eval_shape(jax.random.key, 0)
    with pytest.raises(UsageError, match="stage must be one of fine, last, got 'first'"):
        jax.eval_shape(lambda k: model.init(k, jnp.zeros((1, 16, 16, 3)), train=False), key)


@pytest.mark.parametrize("goal", [0.3, 0.7])
def test_the_radius_of_a_heat_is_where_the_first_iou_falls_to_the_goal(goal):
    for w, h in RNG.uniform(1, 20, (9, 2)):
        r = float(gaussian_radius(jnp.array([w, h]), overlap=goal))
        box = np.array([0, 0, w, h])
        moves = [np.array(m) * r for m in ([1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1])]
        ious = [overlap(box, box + move) for move in moves]
        np.testing.assert_allclose(min(ious), goal, atol=1e-4)


def test_heat_and_losses_of_centernet_are_the_papers_in_loops():
    boxes = BOXES / 8
    make = lambda b: heat_targets(  # noqa: E731
        jnp.asarray(boxes[b], jnp.float32),
        BATCH["labels"][b],
        BATCH["kept"][b],
        grid=GRID,
        num_classes=CLASSES,
    )
    maps = [RNG.normal(size=(2, *GRID, n)) for n in (CLASSES, 2, 2)]
    out = CenterMaps(*(jnp.asarray(m, jnp.float32) for m in maps))
    weights = (1.0, 2.0, 0.5)
    got = jax.jit(partial(centernet_losses, weights=weights))(out, BATCH)
    for b in range(2):
        heat, parts, count = np.zeros((*GRID, CLASSES)), np.zeros(3), 0
        for i in range(3):
            if not BATCH["kept"][b, i]:
                continue
            count += 1
            t = boxes[b, i]
            cx, cy, w, h = (t[0] + t[2]) / 2, (t[1] + t[3]) / 2, t[2] - t[0], t[3] - t[1]
            radius = float(gaussian_radius(jnp.array([w, h])))
            sigma, k = (2 * int(radius) + 1) / 6, int(BATCH["labels"][b, i])
            for y, x in np.ndindex(*GRID):
                bump = np.exp(-((x - int(cx)) ** 2 + (y - int(cy)) ** 2) / (2 * sigma**2))
                heat[y, x, k] = max(heat[y, x, k], bump)
            at = (b, int(cy), int(cx))
            parts[1] += np.abs(maps[1][at] - [cx - int(cx), cy - int(cy)]).sum()
            parts[2] += np.abs(maps[2][at] - [w, h]).sum()
        np.testing.assert_allclose(make(b).heat, heat, atol=1e-6)
        p = 1 / (1 + np.exp(-maps[0][b]))
        loss = np.where(
            heat == 1, -((1 - p) ** 2) * np.log(p), -((1 - heat) ** 4) * p**2 * np.log(1 - p)
        )
        parts[0] = loss.sum()
        for value, name, weight in zip(parts, got, weights, strict=True):
            np.testing.assert_allclose(got[name][b], weight * value / count, rtol=1e-4)


def test_centernet_reads_peaks_as_boxes():
    heat = jnp.full((1, *GRID, CLASSES), -9.0).at[0, 1, 3, 2].set(5).at[0, 1, 2, 2].set(4)
    offset, size = jnp.full((1, *GRID, 2), 0.25), jnp.full((1, *GRID, 2), 2.0)
    boxes, score, label = centernet_candidates(CenterMaps(heat, offset, size), SIZE, count=2)
    np.testing.assert_allclose(boxes[0, 0], [8 * 2.25, 8 * 0.25, 8 * 4.25, 8 * 2.25], rtol=1e-5)
    assert label[0, 0] == 2
    assert score[0, 0] > 0.99
    assert score[0, 1] < 0.01  # the neighbor is no peak


def region_out(proposals, classes, refined, objectness=None):
    anchors = make_anchors(GRID, SHAPES, stride=8).reshape(-1, 4)
    n = len(anchors)
    objectness = jnp.zeros((2, n, 2)) if objectness is None else objectness
    valid = jnp.ones(proposals.shape[:2], bool)
    return Regions(anchors, objectness, jnp.zeros((2, n, 4)), proposals, valid, classes, refined)


def test_losses_of_faster_rcnn_by_hand():
    # Every proposal is the first truth, so all have its class; nothing of the anchors is learned.
    proposals = jnp.repeat(BATCH["boxes"][:, :1], 8, axis=1)
    classes = jnp.asarray(RNG.normal(size=(2, 1, CLASSES + 1)), jnp.float32)
    out = region_out(proposals, jnp.repeat(classes, 8, axis=1), jnp.full((2, 8, 4), 0.5))
    weighty = jax.jit(partial(faster_rcnn_losses, samples=8, weights=(1.0, 1.0, 2.0, 4.0)))
    got = weighty(out, BATCH)
    log = np.log(np.exp(np.float64(classes)).sum(-1))[:, 0]
    own = np.float64(classes)[[0, 1], 0, np.asarray(BATCH["labels"])[:, 0]]
    np.testing.assert_allclose(got["class"], 2 * (log - own), rtol=1e-5)
    # Two of eight may be positive; offsets are 0.5 from 0 each: 4 x 0.125.
    np.testing.assert_allclose(got["box"], 4 * 2 * 0.5 / 8, rtol=1e-4)
    np.testing.assert_allclose(got["objectness"], np.log(2), rtol=1e-5)
    far = jnp.repeat(jnp.array([[[0.0, 20, 4, 24]]]), 2, axis=0)
    out = region_out(
        jnp.repeat(far, 8, axis=1), jnp.repeat(classes, 8, axis=1), jnp.ones((2, 8, 4))
    )
    got = LEARN(out, BATCH)
    np.testing.assert_allclose(got["class"], log - np.float64(classes)[:, 0, -1], rtol=1e-5)
    np.testing.assert_array_equal(got["box"], 0)


def test_the_first_stage_learns_from_the_best_anchors():
    calls = []
    for best in (0.0, 5.0):
        anchors = make_anchors(GRID, SHAPES, stride=8).reshape(-1, 4)
        ious = [
            [overlap(np.asarray(a), BOXES[b, i]) for a in anchors]
            for b, i in ((0, 0), (0, 1), (1, 0))
        ]
        places = [int(np.argmax(row)) for row in ious]
        objectness = jnp.zeros((2, len(anchors), 2))
        for b, place in zip((0, 0, 1), places, strict=True):
            objectness = objectness.at[b, place, 1].set(best)
        out = region_out(
            BATCH["boxes"], jnp.zeros((2, 3, CLASSES + 1)), jnp.zeros((2, 3, 4)), objectness
        )
        calls.append(LEARN(out, BATCH)["objectness"])
    assert (calls[1] < calls[0] - 0.05).all()


def test_faster_rcnn_refines_its_proposals():
    proposals = jnp.array([[[8.0, 8, 24, 24]], [[0.0, 0, 8, 8]]])
    refined = jnp.array([[[0.25, 0, 0, np.log(0.5)]], [[0, 0, 0, 0]]]) * jnp.array([[BOX_WEIGHTS]])
    classes = jnp.log(jnp.array([[[0.1, 0.6, 0.1, 0.2]], [[0.1, 0.1, 0.1, 0.7]]]))
    out = region_out(proposals, classes, refined)
    boxes, scores, labels = faster_rcnn_candidates(out, SIZE)
    np.testing.assert_allclose(boxes[0, 1], [12, 12, 28, 20], rtol=1e-5)
    np.testing.assert_allclose(scores[0], [0.1, 0.6, 0.1], rtol=1e-5)
    assert labels.tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_samples_are_balanced_random_and_filled_up(share):
    positive = jnp.arange(100) < 30
    negative = (jnp.arange(100) >= 40) & (jnp.arange(100) < 90)
    draws = [jnp.array([0, i], jnp.uint32) for i in range(2)]
    got = [sample_balanced(d, positive, negative, count=20, share=share) for d in draws]
    for some, others in got:
        assert int(some.sum()) == 20 * share
        assert int(others.sum()) == 20 - 20 * share
        assert not (some & ~positive).any()
        assert not (others & ~negative).any()
    assert (got[0][1] != got[1][1]).any()
    few = sample_balanced(draws[0], jnp.arange(100) < 2, negative, count=20, share=share)
    assert [int(v.sum()) for v in few] == [2, 18]


def test_losses_of_boxes_and_heat_by_formula():
    d = np.array([[0.05, -2.0, 0.0, 1.0]])
    for beta in (0.1, 1.0):
        want = [x * x / (2 * beta) if abs(x) < beta else abs(x) - beta / 2 for x in d[0]]
        np.testing.assert_allclose(
            smooth_l1(jnp.array(d), jnp.zeros((1, 4)), beta=beta), sum(want), rtol=1e-5
        )
    z, heat = jnp.array([0.3, 0.3]), jnp.array([1.0, 0.5])
    p = 1 / (1 + np.exp(-0.3))
    for alpha, beta in ((2.0, 4.0), (1.0, 2.0)):
        want = [-((1 - p) ** alpha) * np.log(p), -(0.5**beta) * p**alpha * np.log(1 - p)]
        np.testing.assert_allclose(
            heatmap_focal_loss(z, heat, alpha=alpha, beta=beta), want, rtol=1e-5
        )
    assert np.isfinite(
        jax.grad(lambda v: heatmap_focal_loss(v, heat).sum())(jnp.array([-200.0, 200.0]))
    ).all()
