"""Detections by hand: thresholded, suppressed by class and counted; options that are refused."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.detection.detector import DetectConfig, postprocess
from tests.detection.thin import one_stage
from tests.detection.truths import SIZE


def test_detections_are_thresholded_suppressed_by_class_and_counted():
    boxes = jnp.array(
        [[[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 9, 10], [20, 20, 30, 30], [5, 5, 5, 9]]]
    )
    scores, labels = jnp.array([[0.9, 0.8, 0.7, 0.2, 0.95]]), jnp.array([[0, 0, 1, 0, 0]])

    def pick(**options):
        config = DetectConfig(**options)
        choose = jax.jit(lambda *given: postprocess(config, *given, SIZE))
        return choose(boxes.astype(float), scores, labels)

    np.testing.assert_allclose(pick(max_detections=5).scores[0], [0.9, 0.7, 0.2, 0, 0])
    np.testing.assert_allclose(
        pick(max_detections=5, score_threshold=0.5).scores[0], [0.9, 0.7, 0, 0, 0]
    )
    np.testing.assert_allclose(
        pick(max_detections=5, nms_iou=0.95).scores[0], [0.9, 0.8, 0.7, 0.2, 0]
    )
    np.testing.assert_allclose(pick(max_detections=2).scores[0], [0.9, 0.7])
    np.testing.assert_allclose(pick(max_detections=2, pre_nms_top_k=2).scores[0], [0.9, 0])


def test_a_score_that_is_nan_is_not_hidden_by_the_threshold():
    boxes = jnp.broadcast_to(jnp.array([2.0, 2, 9, 9]), (2, 3, 4))
    scores = jnp.array([[0.9, jnp.nan, 0.1], [0.9, 0.8, -jnp.inf]])
    found = postprocess(DetectConfig(), boxes, scores, jnp.zeros((2, 3), int), SIZE)
    assert np.isnan(found.scores[0]).all()
    assert np.isfinite(found.scores[1]).all()


@pytest.mark.parametrize(
    "bad", [{"score_threshold": 1.5}, {"nms_iou": -1}, {"max_detections": 0}, {"pre_nms_top_k": 3}]
)
def test_options_of_detections_are_checked(bad):
    with pytest.raises(ValueError, match="detect"):
        DetectConfig(**bad)


def test_masks_and_points_are_of_the_boxes_that_are_left():
    detector = one_stage(2)
    batch = {"image": jax.random.normal(jax.random.key(0), (2, 32, 32, 3))}
    variables = detector.model.init(jax.random.key(1), batch["image"], train=False)

    def finish(given, out, found, size):  # each mask is the width of its own box
        assert given is variables
        assert size == (32, 32)
        assert len(out[0]) == 2
        width = found.boxes[..., 2] - found.boxes[..., 0]
        points = jnp.repeat(found.boxes[:, :, None, :3], 4, axis=2)
        return found._replace(masks=jnp.tile(width[..., None, None], (1, 1, 5, 5)), points=points)

    config = DetectConfig(score_threshold=0.0, max_detections=7)
    plain = detector.detect(config, variables, batch)
    assert plain.masks is None
    assert plain.points is None
    found = replace(detector, finish=finish).detect(config, variables, batch)
    assert found.valid.sum() > 2
    assert found.masks is not None
    assert found.points is not None
    assert found.masks.shape == (2, 7, 5, 5)
    np.testing.assert_array_equal(found.boxes, plain.boxes)
    np.testing.assert_array_equal(
        found.masks[:, :, 2, 3], plain.boxes[..., 2] - plain.boxes[..., 0]
    )
    np.testing.assert_array_equal(found.points[:, :, 1], plain.boxes[..., :3])


def test_a_stage_that_is_not_there_is_named():
    model = one_stage(2).model.clone(stage="first")
    key = jax.eval_shape(jax.random.key, 0)
    with pytest.raises(UsageError, match="stage must be one of fine, last, got 'first'"):
        jax.eval_shape(lambda k: model.init(k, jnp.zeros((1, 16, 16, 3)), train=False), key)
