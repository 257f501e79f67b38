"""R-CNN and Fast R-CNN: torchvision's head, classes' boxes and matches; torch's resizing."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.detector import Detector
from jaxdl.detection.two_stage.fast_rcnn import RCNN, FastRCNN, warp_regions
from jaxdl.detection.two_stage.faster_rcnn import (
    BOX_WEIGHTS,
    RegionHead,
    region_candidates,
    region_losses,
)
from jaxdl.detection.two_stage.region_proposals import (
    color_regions,
    with_proposals,
)
from tests.detection.thin import Thin


@pytest.mark.parametrize("way", [FastRCNN, RCNN])
def test_regions_are_classified_and_refined(way):
    model = way(Thin(), 3, hidden=8, **({"warp_size": 8} if way is RCNN else {"roi_size": 2}))
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


def made(seed=0):
    """Regions of one picture, of which truths they are, and what a net of 3 classes says."""
    rng = np.random.default_rng(seed)
    truths = np.array([[4, 4, 20, 20], [16, 18, 30, 30.0]], np.float32)
    near = truths[rng.integers(0, 2, 30)] + rng.integers(-6, 7, (30, 4))
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
    near = np.clip(near, 0, 32).astype(np.float32)
    logits, offsets = rng.normal(size=(30, 4)), rng.normal(size=(30, 3, 4))
    batch = {
        "boxes": truths[None], "labels": np.array([[2, 1]], np.int32),
        "kept": np.ones((1, 2), bool), "draw": np.zeros((1, 2), np.uint32),
    }  # fmt: skip
    out = (near[None], np.ones((1, 30), bool), *(np.float32(v)[None] for v in (logits, offsets)))
    return jax.tree.map(jnp.asarray, (out, batch))


@pytest.mark.parametrize("class_boxes", [False, True])
def test_boxes_for_each_class_are_those_of_torchvision(torchvision, class_boxes):
    """The predictor, its losses and what it finds; one box for all classes is three equal ones."""
    import torch

    detection = torchvision.models.detection
    roi_heads, faster = detection.roi_heads, detection.faster_rcnn
    head = RegionHead(3, 8, 0.0, class_boxes)
    seen = jnp.asarray(np.random.default_rng(1).normal(size=(1, 30, 5)), jnp.float32)
    variables = head.init(jax.random.key(0), seen, train=False)
    logits, offsets = head.apply(variables, seen, train=False)
    # torchvision's ground is class 0, ours is the last.
    own = {k: {n: np.asarray(v) for n, v in p.items()} for k, p in variables["params"].items()}
    twin = faster.FastRCNNPredictor(8, 4)
    box = np.tile(own["box"]["kernel"], 1 if class_boxes else 3)
    with torch.no_grad():
        twin.cls_score.weight.copy_(torch.tensor(np.roll(own["class"]["kernel"], 1, 1).T))
        twin.cls_score.bias.copy_(torch.tensor(np.roll(own["class"]["bias"], 1)))
        twin.bbox_pred.weight[:4], twin.bbox_pred.weight[4:] = 0, torch.tensor(box.T)
        twin.bbox_pred.bias.zero_()
        hidden = np.asarray(seen[0]) @ own["hidden"]["kernel"] + own["hidden"]["bias"]
        scores, boxes = twin(torch.tensor(np.maximum(hidden, 0)))
    np.testing.assert_allclose(np.roll(logits[0], 1, 1), scores, atol=1e-5)
    mine = np.asarray(offsets[0]) if class_boxes else np.repeat(offsets[0][:, None], 3, 1)
    np.testing.assert_allclose(mine, boxes.reshape(30, 4, 4)[:, 1:].numpy(), atol=1e-6)

    (proposals, valid, logits, offsets), batch = made()
    offsets = offsets if class_boxes else offsets[:, :, 0]
    out = (proposals, valid, logits, offsets)
    match = torchvision_match(torchvision, proposals[0], batch["boxes"][0], 0.5, 0.5)
    label = torch.tensor(np.where(match >= 0, np.array([3, 2])[match], 0))
    wide = np.asarray(offsets[0]) if class_boxes else np.repeat(offsets[0][:, None], 3, 1)
    wide = np.concatenate([np.zeros((30, 1, 4), np.float32), wide], 1).reshape(30, 16)
    coder = detection._utils.BoxCoder(BOX_WEIGHTS)
    regions = torch.tensor(np.array(proposals[0]))
    aim = coder.encode([torch.tensor(np.array(batch["boxes"][0][match]))], [regions])[0]
    scores = torch.tensor(np.roll(logits[0], 1, 1).copy())
    want = roi_heads.fastrcnn_loss(scores, torch.tensor(wide), [label], [aim])[0]
    got = region_losses(out, batch, samples_per_image=120)  # all of them
    np.testing.assert_allclose(got["class"][0], want, rtol=1e-5)
    # torchvision's bend is at 1 / 9, Fast R-CNN's (eq. 3) at 1.
    picked = torch.tensor(wide).reshape(30, 4, 4)[torch.arange(30), label][label > 0]
    want = torch.nn.functional.smooth_l1_loss(picked, aim[label > 0], reduction="sum") / 120
    np.testing.assert_allclose(got["box"][0], want, rtol=1e-4)
    boxes, scores, labels = region_candidates(out, (1000, 1000))
    found = coder.decode(torch.tensor(wide), [regions])[:, 1:].clamp(0, 1000).reshape(-1, 4)
    np.testing.assert_allclose(boxes[0], found, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(labels[0], np.tile([0, 1, 2], 30))


def torchvision_match(torchvision, regions, truths, high, low):
    """Of each region the truth, -1 for ground, -2 for neither: torchvision's Matcher."""
    import torch

    quality = torchvision.ops.box_iou(*(torch.tensor(np.array(v)) for v in (truths, regions)))
    matcher = torchvision.models.detection._utils.Matcher(high, low)
    return matcher(quality).numpy()


@pytest.mark.parametrize("neutral", [0.2, 0.0])
def test_regions_between_the_thresholds_are_not_learned_from(torchvision, neutral):
    out, batch = made(3)
    match = torchvision_match(torchvision, out[0][0], batch["boxes"][0], 0.5, 0.5 - neutral)
    assert (match == -2).any() == (neutral > 0)

    def loss(logits):
        parts = region_losses(
            (*out[:2], logits, out[3]), batch, roi_neutral=neutral, samples_per_image=120
        )
        return parts["class"].sum()

    slope = np.abs(jax.grad(loss)(out[2])[0]).max(axis=1)
    np.testing.assert_array_equal(slope > 0, match > -2)


def test_a_region_is_warped_to_224_pixels_as_torch_resizes_it():
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(0).normal(size=(1, 60, 80, 3)).astype(np.float32)
    x1, y1, x2, y2 = box = (10, 5, 66, 47)
    got = warp_regions(jnp.asarray(image), jnp.array([[box]], jnp.float32), 224)
    assert got.shape == (1, 224, 224, 3)
    cut = torch.tensor(image[0, y1:y2, x1:x2]).permute(2, 0, 1)[None]
    want = torch.nn.functional.interpolate(cut, (224, 224), mode="bilinear", align_corners=False)
    inner = slice(
        3, -3
    )  # at its edge a region sees what is beyond it, a picture that is cut out not
    np.testing.assert_allclose(
        got[0, inner, inner], want[0].permute(1, 2, 0)[inner, inner], atol=1e-4
    )
