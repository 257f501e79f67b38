"""Feature pyramids and the levels of boxes against torchvision's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.detection.fpn import FeaturePyramid, assign_levels, multilevel_roi_align
from jaxdl.ops.boxes.roi_align import roi_align
from tests.detection.thin import PYRAMID, faster_rcnn

RNG = np.random.default_rng(0)


def maps(*shapes):
    return [RNG.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("sizes", [[(8, 12), (4, 6), (2, 3)], [(7, 5), (4, 3)]])
def test_a_pyramid_is_torchvisions_with_its_gradient(torchvision, sizes):
    import torch
    from torchvision.ops import FeaturePyramidNetwork

    widths = [3, 5, 6][: len(sizes)]
    levels = maps(*((2, *size, width) for size, width in zip(sizes, widths, strict=True)))
    theirs = FeaturePyramidNetwork(widths, 4)
    params = {}
    for name, blocks in (("lateral", theirs.inner_blocks), ("smooth", theirs.layer_blocks)):
        for i, block in enumerate(blocks, 1):
            torch.nn.init.normal_(block[0].bias)
            weight = block[0].weight.detach().numpy().transpose(2, 3, 1, 0)
            params[f"{name}{i}"] = {"kernel": weight, "bias": block[0].bias.detach().numpy()}
    given = [torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True) for x in levels]
    want = list(theirs({str(i): x for i, x in enumerate(given)}).values())
    weights = maps(*((2, *size, 4) for size in sizes))
    for other, x in zip(want, weights, strict=True):
        (other.permute(0, 2, 3, 1) * torch.tensor(x)).sum().backward(retain_graph=True)

    @jax.jit
    def slopes(levels):
        def value(levels):
            out = FeaturePyramid(4).apply({"params": params}, levels)
            return sum(jnp.sum(y * x) for y, x in zip(out, weights, strict=True)), out

        return jax.grad(value, has_aux=True)(levels)

    grads, got = slopes(levels)
    for ours, other, slope, x in zip(got, want, grads, given, strict=True):
        np.testing.assert_allclose(ours, other.detach().permute(0, 2, 3, 1), atol=1e-5)
        np.testing.assert_allclose(slope, x.grad.permute(0, 2, 3, 1), atol=1e-4)


def test_boxes_go_to_the_levels_of_torchvision(torchvision):
    import torch
    from torchvision.ops.poolers import LevelMapper

    low = RNG.uniform(0, 100, (200, 2))
    boxes = np.concatenate([low, low + RNG.uniform(1, 700, (200, 2))], axis=1).astype(np.float32)
    boxes[:2] = [[3, 4, 227, 228], [0, 0, 0, 9]]  # of 224 pixels, of no area
    want = LevelMapper(2, 5)([torch.tensor(boxes)])
    assert np.bincount(want).min() > 5
    np.testing.assert_array_equal(assign_levels(boxes, [4, 8, 16, 32]), want)
    want = LevelMapper(2, 5, canonical_scale=112)([torch.tensor(boxes)])
    np.testing.assert_array_equal(assign_levels(boxes, [4, 8, 16, 32], canonical_cells=7.0), want)


def test_a_region_is_cut_from_its_own_level():
    levels = maps((1, 8, 8, 3), (1, 4, 4, 3))
    boxes = np.array([[[0, 0, 15.9, 16], [0, 0, 16, 16], [2, 9, 31, 30], [5, 5, 5, 5]]], np.float32)
    got = multilevel_roi_align(levels, boxes, size=(2, 3), strides=[4, 8], canonical_cells=2.0)
    for n, (level, scale) in enumerate([(0, 1 / 4), (1, 1 / 8), (1, 1 / 8), (0, 1 / 4)]):
        want = roi_align(levels[level], boxes[:, n : n + 1], size=(2, 3), scale=scale)
        np.testing.assert_allclose(got[:, n : n + 1], want, atol=1e-6)


def test_levels_of_faster_rcnn_share_their_heads_and_each_has_anchors():
    model = faster_rcnn(2, levels=PYRAMID).model
    x = jnp.zeros((1, 16, 24, 3))
    variables = jax.jit(lambda: model.init(jax.random.key(0), x, train=False))()
    assert set(variables["params"]) == {"backbone", "pyramid", "proposal", "region"}
    out = jax.eval_shape(lambda: model.apply(variables, x, train=False))
    assert out.anchors.shape == (3 * (4 * 6 + 2 * 3), 4)
    assert out.objectness.shape == (1, 90, 2)


@pytest.mark.parametrize("stages", [("last", "fine"), ("last", "last")])
def test_stages_that_do_not_become_coarser_are_refused(stages):
    model = faster_rcnn(2, levels={**PYRAMID, "stages": stages}).model
    with pytest.raises(UsageError, match="must become coarser"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)), train=True))
