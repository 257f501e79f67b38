from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.detector import Detector
from jaxdl.detection.localization import (
    Localizer,
    Located,
    largest_object,
    localize_candidates,
    localize_losses,
)
from jaxdl.detection.two_stage.fast_rcnn import RCNN, FastRCNN
from jaxdl.detection.two_stage.faster_rcnn import region_candidates, region_losses
from jaxdl.detection.two_stage.region_proposals import (
    color_regions,
    recall_of,
    sliding_windows,
    with_proposals,
)
from jaxdl.ops.boxes.geometry import iou
from tests.detection.thin import Thin


def test_regions_of_like_color_hold_the_objects():
    image = np.full((1, 40, 50, 3), 90, np.uint8)
    image[0, 5:20, 8:30] = (250, 20, 20)
    image[0, 22:37, 30:45] = (20, 20, 250)
    made = color_regions(image, most=20)
    boxes = made["proposals"][0][made["proposed"][0]]
    truth = np.array([[8, 5, 30, 20], [30, 22, 45, 37]], np.float32)
    assert (np.asarray(iou(jnp.array(truth), jnp.array(boxes))).max(axis=1) > 0.8).all()
    assert not made["proposals"][0][~made["proposed"][0]].any()
    assert color_regions(image, most=2)["proposed"].sum() == 2
    rows = Shapes(20, image_size=(64, 64)).rows(np.arange(20))
    found = color_regions(rows["image"], most=48)
    assert recall_of(**found, boxes=rows["boxes"], kept=rows["kept"]) > 0.8
    assert (
        recall_of(found["proposals"], 0 * found["proposed"] > 1, rows["boxes"], rows["kept"]) == 0
    )


def test_a_picture_of_one_color_has_itself_as_region():
    made = color_regions(np.full((2, 20, 30, 3), 7, np.uint8), most=3)
    np.testing.assert_array_equal(made["proposals"][0, 0], [0, 0, 30, 20])
    assert made["proposed"].sum() == 2


@pytest.mark.parametrize(("step", "count"), [(0.5, 3 * 4), (1.0, 2 * 2)])
def test_windows_cover_the_picture(step, count):
    made = sliding_windows(np.zeros((2, 32, 40, 3), np.uint8), sides=(16,), step=step)
    assert made["proposals"].shape == (2, len(made["proposals"][0]), 4)
    boxes = made["proposals"][1]
    covered = np.zeros((32, 40), bool)
    for x1, y1, x2, y2 in boxes.astype(int):
        assert (x2 - x1, y2 - y1) == (16, 16)
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    assert len(boxes) >= count
    whole = sliding_windows(np.zeros((1, 8, 8, 3), np.uint8), sides=(16,))
    assert whole["proposals"].shape == (1, 1, 4)


@pytest.mark.parametrize("way", [FastRCNN, RCNN])
def test_regions_are_classified_and_refined(way):
    model = way(Thin(), 3, hidden=8, **({"side": 8} if way is RCNN else {"pooled": 2}))
    rows = Shapes(4, image_size=(32, 32), fields=("image", "boxes", "labels", "kept")).rows(
        [0, 1, 2, 3]
    )
    split = with_proposals(
        Split(rows, ("a", "b", "c"), batch_size=2), lambda x: color_regions(x, most=5)
    )
    assert with_proposals(split, color_regions) is split  # a trained run brings its own
    batch = {k: jnp.asarray(v) for k, v in split.batch(np.arange(2)).items()}
    batch |= {"image": batch["image"] / 255.0, "draw": jnp.zeros((2, 2), jnp.uint32)}
    batch |= {"labels": batch["labels"] % 3}
    detector = Detector(model, region_losses, region_candidates, propose=color_regions)
    options = detector.options(batch, train=False)
    assert set(options) == {"proposals", "proposed"}
    variables = jax.jit(partial(model.init, train=False))(jax.random.key(0), batch["image"])
    apply = jax.jit(partial(model.apply, train=False))
    out = apply(variables, batch["image"], **options)
    parts = jax.jit(detector.losses)(out, batch)
    assert {k: v.shape for k, v in parts.items()} == {"class": (2,), "box": (2,)}
    boxes, scores, labels = detector.candidates(out, (32, 32))
    assert boxes.shape == (2, 15, 4)
    assert scores.shape == labels.shape == (2, 15)
    # What is no region has no score.
    assert not np.asarray(scores)[np.repeat(~np.asarray(batch["proposed"]), 3, axis=1)].any()
    still = jax.jit(partial(model.clone(refine=False).apply, train=False))(
        variables, batch["image"], **options
    )
    own = detector.candidates(still, (32, 32))[0][:, ::3]
    kept = np.asarray(batch["proposed"])
    np.testing.assert_allclose(own[kept], batch["proposals"][kept], atol=1e-3)


def test_the_largest_object_is_located():
    batch = {
        "image": jnp.zeros((2, 20, 40, 3)),
        "boxes": jnp.array([[[0.0, 0, 4, 4], [10, 5, 30, 15]], [[0, 0, 0, 0], [0, 0, 0, 0]]]),
        "labels": jnp.array([[0, 1], [0, 0]]),
        "kept": jnp.array([[True, True], [False, False]]),
    }
    box, label, there = largest_object(batch)
    np.testing.assert_allclose(box[0], [0.25, 0.25, 0.75, 0.75])
    assert label[0] == 1
    assert there.tolist() == [True, False]
    out = Located(jnp.zeros((2, 2)), jnp.array([[0.25, 0.25, 0.75, 0.95], [0.1, 0.1, 0.2, 0.2]]))
    for weight in (1.0, 3.0):
        got = localize_losses(out, batch, weight=weight)
        np.testing.assert_allclose(got["class"], [np.log(2), 0], rtol=1e-6)
        np.testing.assert_allclose(got["box"], [weight * 0.15, 0], rtol=1e-5)
    boxes, score, label = localize_candidates(out, (20, 40))
    np.testing.assert_allclose(boxes[0, 0], [10, 5, 30, 19], rtol=1e-6)
    assert (score.shape, label.shape) == ((2, 1), (2, 1))


def test_a_localizer_gives_a_box_inside_out_of_features():
    model = Localizer(Thin(), 3, hidden=4)
    out = model.init_with_output(jax.random.key(0), jnp.ones((2, 16, 16, 3)), train=False)[0]
    assert out.classes.shape == (2, 3)
    assert (out.boxes[:, :2] < out.boxes[:, 2:]).all()
