"""Faster R-CNN: its losses and refined boxes by hand, and how its samples are drawn."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.two_stage.faster_rcnn import (
    BOX_WEIGHTS,
    Regions,
    faster_rcnn_candidates,
    faster_rcnn_losses,
)
from jaxdl.detection.two_stage.sampler import sample_balanced
from tests.detection.thin import SHAPES
from tests.detection.truths import BATCH, BOXES, CLASSES, GRID, SIZE, overlap

RNG = np.random.default_rng(0)
LEARN = jax.jit(partial(faster_rcnn_losses, samples_per_image=8))


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
    weighty = jax.jit(
        partial(faster_rcnn_losses, samples_per_image=8, loss_weights=(1.0, 1.0, 2.0, 4.0))
    )
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
