"""torchvision's FCOS on the same predictions: losses of each picture, detections."""

import importlib
from functools import partial

import jax
import numpy as np
import pytest

from jaxdl.detection.dense.fcos import PointPredictions, fcos_candidates, fcos_losses, level_reach
from tests.detection.dense.theirs import (
    BATCH,
    CLASSES,
    GRIDS,
    SIZE,
    by_level,
    check_detections,
    detect,
    flat,
    predictions,
    split_anchors,
    stub,
    targets,
)

STRIDES = (8.0, 16.0, 32.0)
COUNTS = [h * w for h, w in GRIDS]


@pytest.fixture(scope="module")
def twin(torchvision):
    import torch

    lib = importlib.import_module("torchvision.models.detection.fcos")
    maker = lib.AnchorGenerator(((8,), (16,), (32,)), ((1.0,),) * 3)
    net = lib.FCOS(stub(), CLASSES, anchor_generator=maker, topk_candidates=25).eval()
    strides = [[torch.tensor(int(s))] * 2 for s in STRIDES]
    return net, torch.cat(maker.grid_anchors(GRIDS, strides))


@pytest.fixture(scope="module")
def out():
    sides = [np.abs(x) for x in predictions(2, (4,))]
    return PointPredictions(predictions(1, (CLASSES,), scale=2.0), sides, predictions(3, (1,)))


def given_to_theirs(out, row, of):
    return {
        "cls_logits": of(out.logits, row),
        "bbox_regression": of(out.sides, row),
        "bbox_ctrness": of(out.center, row),
    }


@pytest.mark.parametrize("radius", [0.6, 1.5])
def test_losses_are_torchvisions(twin, out, radius):
    net, anchors = twin
    net.center_sampling_radius = radius
    weights = (1.0, 2.0, 0.5)
    losses = partial(fcos_losses, strides=STRIDES, radius=radius, loss_weights=weights)
    got = jax.jit(losses)(out, BATCH)
    for row in range(2):
        given = given_to_theirs(out, row, flat)
        want = net.compute_loss(targets(row), given, [anchors], COUNTS)
        np.testing.assert_allclose(got["class"][row], want["classification"], rtol=1e-4)
        np.testing.assert_allclose(got["box"][row], 2 * want["bbox_regression"], rtol=1e-4)
        np.testing.assert_allclose(got["center"][row], 0.5 * want["bbox_ctrness"], rtol=1e-4)
    assert got["box"][0] > 0
    assert got["box"][1] == 0


def test_detections_are_torchvisions(twin, out):
    net, anchors = twin
    candidates = partial(fcos_candidates, strides=STRIDES, count=25)
    found = detect(candidates, net.score_thresh, net.nms_thresh)(out)
    for row in range(2):
        given = given_to_theirs(out, row, by_level)
        levels = split_anchors(anchors, COUNTS)
        check_detections(found, net.postprocess_detections(given, levels, [SIZE])[0], row)


@pytest.mark.parametrize("reach", [1.0, 4.0])
def test_every_size_has_a_level_of_its_own(reach):
    want = [[0, 16 * reach], [16 * reach, 32 * reach], [32 * reach, np.inf]]
    np.testing.assert_array_equal(level_reach(STRIDES, reach), want)
