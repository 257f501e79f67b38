"""The losses of a one-stage detector in loops, and predictions that are read back as boxes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.box_coder import encode_yolo
from jaxdl.detection.dense.one_stage import (
    CellPredictions,
    OneStage,
    one_stage_candidates,
    one_stage_losses,
)
from jaxdl.detection.detector import DetectConfig, postprocess
from jaxdl.detection.two_stage.faster_rcnn import ProposalHead
from jaxdl.models.registry import create_model
from tests.detection.thin import SHAPES
from tests.detection.truths import BATCH, BOXES, CLASSES, GRID, SIZE, overlap

RNG = np.random.default_rng(0)


def cell_out():
    offsets = RNG.normal(size=(2, 3, *GRID, 4)) * 0.3
    shapes = ((2, 3, *GRID), offsets.shape, (2, *GRID, CLASSES))
    return CellPredictions(*(jnp.asarray(RNG.normal(size=s), jnp.float32) for s in shapes))


@pytest.mark.parametrize("confidence", ["square", "cross_entropy"])
@pytest.mark.parametrize(("background", "negative"), [(0.5, 0.2), (1.0, 0.4)])
def test_losses_of_one_stage_are_the_notes_in_loops(confidence, background, negative):
    out, weights = cell_out(), (1.0, 2.0, 3.0)
    losses = partial(
        one_stage_losses,
        shapes=SHAPES,
        negative_iou=negative,
        loss_weights=weights,
        background_weight=background,
        confidence_loss=confidence,
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
        return postprocess(DetectConfig(max_detections=4), *candidates, SIZE)

    found = read(sure)
    assert found.valid.tolist() == [[True, False, False, False], [False] * 4]
    np.testing.assert_allclose(found.boxes[0, 0], BOXES[0, 1], atol=1e-3)
    assert found.labels[0, 0] == 1
    assert found.scores[0, 0] > 0.99
    assert not np.asarray(found.boxes[0, 1:]).any()


def test_nine_anchors_and_twenty_classes_are_65_channels_and_54_of_proposals():
    """5 A + C of a one-stage detector, 6 A of a proposal network: A = 9, C = 20."""
    model = OneStage(create_model("mnist_convnet", 0), 20, 9, stage="stage2", features=4)
    image = jnp.zeros((1, 28, 28, 3))
    out, variables = jax.eval_shape(
        lambda: model.init_with_output(jax.random.key(0), image, train=False)
    )
    assert variables["params"]["out"]["kernel"].shape == (1, 1, 4, 65)
    assert [x.shape for x in out] == [(1, 9, 4, 4), (1, 9, 4, 4, 4), (1, 4, 4, 20)]
    head = ProposalHead(9, 4, 0.0)
    (objectness, offsets), variables = jax.eval_shape(
        lambda: head.init_with_output(jax.random.key(0), jnp.zeros((1, 3, 5, 8)), train=False)
    )
    assert variables["params"]["out"]["kernel"].shape == (1, 1, 4, 54)
    assert objectness.shape == (1, 9 * 15, 2)
    assert offsets.shape == (1, 9 * 15, 4)
