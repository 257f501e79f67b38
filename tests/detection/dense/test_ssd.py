"""torchvision's SSD on the same predictions: losses of each picture, detections."""

import importlib
from functools import partial

import jax
import numpy as np
import pytest

from jaxdl.detection.dense.ssd import (
    DefaultBoxPredictions,
    count_boxes,
    ssd_candidates,
    ssd_losses,
)
from tests.detection.dense.theirs import (
    BATCH,
    CLASSES,
    GRIDS,
    SIZE,
    check_detections,
    detect,
    flat,
    predictions,
    stub,
    targets,
)

SCALES, RATIOS = (0.2, 0.4, 0.7, 1.0), ((2,), (2, 3), (2,))
A = count_boxes(RATIOS)


@pytest.fixture(scope="module")
def twin(torchvision):
    import torch
    from torchvision.models.detection.image_list import ImageList

    lib = importlib.import_module("torchvision.models.detection.ssd")
    maker = lib.DefaultBoxGenerator(list(RATIOS), scales=list(SCALES))
    net = lib.SSD(stub(), maker, SIZE, CLASSES + 1, head=torch.nn.Module(), topk_candidates=25)
    pictures = ImageList(torch.zeros(1, 3, *SIZE), [SIZE])
    return net, maker(pictures, [torch.zeros(1, 1, *grid) for grid in GRIDS])


@pytest.fixture(scope="module")
def out():
    return DefaultBoxPredictions(
        predictions(1, *((a, 1 + CLASSES) for a in A), scale=2.0),
        predictions(2, *((a, 4) for a in A)),
    )


def test_cells_have_as_many_boxes_as_theirs(twin):
    assert list(A) == twin[0].anchor_generator.num_anchors_per_location()


@pytest.mark.parametrize("negatives", [1.0, 3.0])
def test_losses_are_torchvisions(twin, out, negatives):
    net, anchors = twin
    net.neg_to_pos_ratio = negatives
    weights = (1.0, 0.5)
    losses = partial(
        ssd_losses, scales=SCALES, ratios=RATIOS, negatives=negatives, loss_weights=weights
    )
    got = jax.jit(losses)(out, BATCH)
    boxes = importlib.import_module("torchvision.ops.boxes")
    given = {"cls_logits": flat(out.logits, 0), "bbox_regression": flat(out.offsets, 0)}
    aim = targets(0, first=1)
    match = net.proposal_matcher(boxes.box_iou(aim[0]["boxes"], anchors[0]))
    want = net.compute_loss(aim, given, anchors, [match])
    np.testing.assert_allclose(got["class"][0], want["classification"], rtol=1e-4)
    np.testing.assert_allclose(got["box"][0], 0.5 * want["bbox_regression"], rtol=1e-4)
    assert got["class"][1] == got["box"][1] == 0  # no object, and so no negatives


def test_detections_are_torchvisions(twin, out):
    net, anchors = twin
    net.score_thresh = 0.1
    candidates = partial(ssd_candidates, scales=SCALES, ratios=RATIOS, count=25)
    found = detect(candidates, net.score_thresh, net.nms_thresh)(out)
    for row in range(2):
        given = {"cls_logits": flat(out.logits, row), "bbox_regression": flat(out.offsets, row)}
        check_detections(found, net.postprocess_detections(given, anchors, [SIZE])[0], row, first=1)
