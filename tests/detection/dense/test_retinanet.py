"""torchvision's RetinaNet on the same predictions: losses of each picture, detections."""

import importlib
from functools import partial

import jax
import numpy as np
import pytest

from jaxdl.detection.dense.retinanet import (
    AnchorPredictions,
    retinanet_candidates,
    retinanet_losses,
)
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

SIDES, RATIOS = ((9, 14), (20, 28), (40, 56)), (0.5, 1.0, 2.0)
A = 6


@pytest.fixture(scope="module")
def twin(torchvision):
    import torch

    lib = importlib.import_module("torchvision.models.detection.retinanet")
    maker = lib.AnchorGenerator(SIDES, (RATIOS,) * 3)
    net = lib.RetinaNet(stub(), CLASSES, anchor_generator=maker, topk_candidates=25).eval()
    strides = [[torch.tensor(s) for s in pair] for pair in ((8, 8), (16, 16), (32, 32))]
    return net, torch.cat(maker.grid_anchors(GRIDS, strides))


@pytest.fixture(scope="module")
def out():
    return AnchorPredictions(
        predictions(1, (A, CLASSES), scale=2.0), predictions(2, (A, 4), scale=0.5)
    )


@pytest.mark.parametrize("box_loss", ["l1", "giou"])
def test_losses_are_torchvisions(twin, out, box_loss):
    net, anchors = twin
    net.head.regression_head._loss_type = box_loss
    weights = (1.0, 0.5)
    losses = partial(
        retinanet_losses, sides=SIDES, ratios=RATIOS, box_loss=box_loss, loss_weights=weights
    )
    got = jax.jit(losses)(out, BATCH)
    for row in range(2):
        given = {"cls_logits": flat(out.logits, row), "bbox_regression": flat(out.offsets, row)}
        want = net.compute_loss(targets(row), given, [anchors])
        np.testing.assert_allclose(got["class"][row], want["classification"], rtol=1e-4)
        np.testing.assert_allclose(got["box"][row], 0.5 * want["bbox_regression"], rtol=1e-4)
    assert got["box"][0] > 0
    assert got["box"][1] == 0


def test_detections_are_torchvisions(twin, out):
    net, anchors = twin
    candidates = partial(retinanet_candidates, sides=SIDES, ratios=RATIOS, count=25)
    found = detect(candidates, net.score_thresh, net.nms_thresh)(out)
    levels = split_anchors(anchors, [A * h * w for h, w in GRIDS])
    for row in range(2):
        given = {
            "cls_logits": by_level(out.logits, row),
            "bbox_regression": by_level(out.offsets, row),
        }
        check_detections(found, net.postprocess_detections(given, levels, [SIZE])[0], row)
