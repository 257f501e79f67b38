"""Measures of boxes against torchvision's, their slopes against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.anchors import make_anchors
from jaxdl.detection.box_coder import (
    decode_rcnn,
    decode_sides,
    decode_yolo,
    encode_rcnn,
    encode_sides,
    encode_yolo,
)
from jaxdl.ops.boxes.geometry import (
    box_area,
    center_to_corners,
    clip_to_image,
    corner_size_to_corners,
    corners_to_center,
    corners_to_corner_size,
    diou,
    giou,
    iou,
    paired_diou,
    paired_giou,
    paired_iou,
    usable_boxes,
)


def random_boxes(rng, n, side=20.0):
    low = rng.uniform(0, side, (n, 2))
    return np.concatenate([low, low + rng.uniform(0.5, side / 2, (n, 2))], 1).astype(np.float32)


def test_forms_and_measures_are_torchvisions(torchvision):
    import torch
    from torchvision.ops import boxes as theirs

    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 7), random_boxes(rng, 5)
    ta, tb = torch.tensor(a), torch.tensor(b)
    forms = [
        (corners_to_center, "xyxy", "cxcywh"),
        (center_to_corners, "cxcywh", "xyxy"),
        (corners_to_corner_size, "xyxy", "xywh"),
        (corner_size_to_corners, "xywh", "xyxy"),
    ]
    for ours, old, new in forms:
        np.testing.assert_allclose(ours(a), theirs.box_convert(ta, old, new), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(box_area(a), theirs.box_area(ta), rtol=1e-6)
    for ours, reference in [
        (iou, theirs.box_iou),
        (giou, theirs.generalized_box_iou),
        (diou, theirs.distance_box_iou),
    ]:
        np.testing.assert_allclose(ours(a, b), reference(ta, tb), rtol=1e-4, atol=1e-5)
    outside = a - 8
    clipped = theirs.clip_boxes_to_image(torch.tensor(outside), (9, 14))
    np.testing.assert_allclose(clip_to_image(outside, (9, 14)), clipped)


def test_iou_of_a_batch_and_of_pairs_agree():
    a = random_boxes(np.random.default_rng(1), 12).reshape(2, 6, 4)
    b = random_boxes(np.random.default_rng(2), 12).reshape(2, 6, 4)
    for every, paired in [(iou, paired_iou), (giou, paired_giou), (diou, paired_diou)]:
        matrix = every(a, b)
        assert matrix.shape == (2, 6, 6)
        diagonal = jnp.diagonal(matrix, axis1=1, axis2=2)
        np.testing.assert_allclose(diagonal, paired(a, b), rtol=1e-6)


@pytest.mark.parametrize("measure", [paired_iou, paired_giou, paired_diou])
def test_measures_and_gradients_are_finite_where_boxes_are_nothing(measure):
    box = jnp.array([1.0, 1, 3, 4])
    run = jax.jit(jax.value_and_grad(measure))
    for other in ([2, 2, 2, 2], [0, 0, 0, 0], [1, 1, 3, 4], [9, 9, 12, 12], [3, 4, 1, 1]):
        other = jnp.array(other, jnp.float32)
        value, slope = run(box, other)
        assert np.isfinite(value)
        assert np.isfinite(slope).all()
    zeros = jnp.zeros(4)
    assert np.isfinite(run(zeros, zeros)[1]).all()


@pytest.mark.parametrize("measure", [paired_iou, paired_giou, paired_diou])
def test_slopes_are_those_of_differences(measure):
    a, b = np.array([1.0, 1.5, 5, 6]), np.array([2.0, 0.5, 6, 4.5])
    got = jax.grad(measure)(jnp.array(a), jnp.array(b))
    for i in range(4):
        step = np.eye(4)[i] * 1e-2
        want = (
            measure(jnp.array(a + step), jnp.array(b)) - measure(jnp.array(a - step), jnp.array(b))
        ) / 2e-2
        np.testing.assert_allclose(got[i], want, atol=2e-4)


def test_usable_boxes_are_finite_and_have_area():
    boxes = jnp.array([[0, 0, 2, 2], [1, 1, 1, 5], [3, 3, 1, 1], [0, 0, np.nan, 2], [0, 0, 1, 1]])
    np.testing.assert_array_equal(usable_boxes(boxes), [True, False, False, False, True])
    np.testing.assert_array_equal(usable_boxes(boxes, least=1.0), [True] + [False] * 4)


def test_measures_name_what_they_refuse():
    with pytest.raises(ValueError, match=r"iou: boxes must be .*\(3, 4\) and \(2, 5\)"):
        iou(jnp.ones((3, 4)), jnp.ones((2, 5)))


@pytest.mark.parametrize("stride", [1.0, 8.0])
def test_anchors_stand_around_the_middles_of_cells(stride):
    anchors = make_anchors((2, 3), (1, 2, 4, 3), stride=stride)
    assert anchors.shape == (2, 2, 3, 4)
    want = np.array([2.5 - 2, 1.5 - 1.5, 2.5 + 2, 1.5 + 1.5]) * stride
    np.testing.assert_allclose(anchors[1, 1, 2], want)
    np.testing.assert_allclose(anchors[0, 0, 1], np.array([1, -0.5, 2, 1.5]) * stride)


@pytest.mark.parametrize("shapes", [(), (1, 2, 3), (1, 0)])
def test_anchors_are_pairs(shapes):
    with pytest.raises(ValueError, match="pairs of width and height"):
        make_anchors((2, 2), shapes)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_rcnn_offsets_are_torchvisions(torchvision, weights):
    import torch
    from torchvision.models.detection._utils import BoxCoder

    rng = np.random.default_rng(3)
    anchors, boxes = random_boxes(rng, 9), random_boxes(rng, 9)
    coder = BoxCoder(weights)
    want = coder.encode_single(torch.tensor(boxes), torch.tensor(anchors))
    got = encode_rcnn(anchors, boxes, weights=weights)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    offsets = rng.normal(size=(9, 4)).astype(np.float32) * 9  # some above the bound
    want = coder.decode_single(torch.tensor(offsets), torch.tensor(anchors))
    got = decode_rcnn(anchors, offsets, weights=weights)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-2)


def test_offsets_of_sides_are_torchvisions(torchvision):
    import torch
    from torchvision.models.detection._utils import BoxLinearCoder

    rng = np.random.default_rng(4)
    anchors, boxes = random_boxes(rng, 9), random_boxes(rng, 9)
    coder = BoxLinearCoder(normalize_by_size=True)
    want = coder.encode(torch.tensor(anchors), torch.tensor(boxes))
    np.testing.assert_allclose(encode_sides(anchors, boxes), want, rtol=1e-4, atol=1e-4)
    back = coder.decode(want, torch.tensor(anchors))
    np.testing.assert_allclose(decode_sides(anchors, want.numpy()), back, rtol=1e-4, atol=1e-3)


def test_yolo_offsets_by_hand_and_back():
    anchor = jnp.array([2.0, 2, 4, 4])  # center 3, 3
    box = jnp.array([2.3, 1.5, 4.3, 5.5])  # center 3.3, 3.5; sides 2, 4
    offsets = encode_yolo(anchor, box)
    np.testing.assert_allclose(offsets, [0.3, 0.5, 0, np.log(2)], atol=1e-6)
    np.testing.assert_allclose(decode_yolo(anchor, offsets), box, atol=1e-6)
    far = encode_yolo(anchor, box + 5)
    np.testing.assert_allclose(far[:2], [0.5, 0.5])


@pytest.mark.parametrize("encode", [encode_rcnn, encode_sides, encode_yolo])
def test_offsets_of_boxes_without_area_are_finite(encode):
    zero, box = jnp.zeros(4), jnp.array([0.0, 0, 3, 3])
    assert np.isfinite(encode(zero, zero)).all()
    assert np.isfinite(encode(box, zero)).all()


@pytest.mark.parametrize("decode", [decode_rcnn, decode_yolo])
def test_no_offset_gives_infinity(decode):
    value, slope = jax.value_and_grad(lambda t: decode(jnp.array([0.0, 0, 3, 3]), t).sum())(
        jnp.full(4, 1e5)
    )
    assert np.isfinite(value)
    assert np.isfinite(slope).all()
