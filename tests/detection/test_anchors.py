"""torchvision's own generators of anchors and of default boxes, on grids that do not divide."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.detection.anchors import default_boxes, level_anchors

SIZE, GRIDS = (96, 130), ((12, 17), (6, 9), (2, 3))


def generated(maker, size=SIZE, grids=GRIDS):
    torch = pytest.importorskip("torch")
    pictures = SimpleNamespace(tensors=torch.zeros(1, 3, *size), image_sizes=[size])
    return maker(pictures, [torch.zeros(1, 1, *grid) for grid in grids])[0].numpy()


@pytest.fixture(scope="module")
def generators(torchvision):
    return importlib.import_module("torchvision.models.detection.anchor_utils")


def test_anchors_on_levels_are_torchvisions(generators):
    sides, ratios = ((9, 13), (24, 35), (51, 70)), (0.5, 1.0, 2.0)
    want = generated(generators.AnchorGenerator(sides, (ratios,) * 3))
    np.testing.assert_allclose(level_anchors(SIZE, GRIDS, sides, ratios), want, rtol=1e-6)


@pytest.mark.parametrize("steps", [None, [8, 16, 50]])
def test_default_boxes_are_torchvisions(generators, steps):
    scales, ratios = (0.2, 0.5, 0.9, 1.1), ((2,), (2, 3), (2,))
    maker = generators.DefaultBoxGenerator(list(ratios), scales=list(scales), steps=steps)
    got = default_boxes(SIZE, GRIDS, scales, ratios, steps=steps)
    np.testing.assert_allclose(got, generated(maker), rtol=1e-5, atol=1e-4)


def test_levels_need_a_scale_each_and_one_more():
    with pytest.raises(UsageError, match="got 2 and 2"):
        default_boxes(SIZE, GRIDS[:2], (0.2, 0.5), ((2,), (2,)))
