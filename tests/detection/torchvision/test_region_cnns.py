"""torchvision's own region CNNs with random weights: stage by stage, their losses, and back."""

import dataclasses
import importlib
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from jaxdl.detection.detector import DetectConfig
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.heads import BoxHead, MaskHead, PointHead
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.torchvision.load import load_detector
from jaxdl.detection.torchvision.pictures import DetectorPictures
from jaxdl.detection.torchvision.region_cnns import REGION_CNNS
from jaxdl.detection.torchvision.region_rules import region_cnn_rules
from jaxdl.detection.torchvision.registry import DETECTORS
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.weights.weight_file import write_safetensors
from jaxdl.models.weights.weight_rules import from_torch, to_torch
from tests.models.weights.twins import arrays_of, quick_jit, randomize

CLASSES, POINTS, WIDTH = 3, 4, 8
SIZES = ((64, 64), (48, 57))  # of the pictures, in one batch
SIDES = ((16.0,), (32.0,), (64.0,))
SHARED = {"min_size": 48, "max_size": 64, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}


def thin_pair(lib, second):
    """Theirs and ours with all heads: three stages of one block, a pyramid of 8 features."""
    ops = importlib.import_module("torchvision.ops")
    resnet = importlib.import_module("torchvision.models.resnet")
    from torch import nn

    norm = nn.BatchNorm2d if second else ops.misc.FrozenBatchNorm2d
    body = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    names = {"layer1": "0", "layer2": "1"}
    inner = nn.BatchNorm2d if second else None
    backbone = lib.backbone_utils.BackboneWithFPN(body, names, [64, 128], WIDTH, norm_layer=inner)
    anchors = lib.anchor_utils.AnchorGenerator(SIDES, ((0.5, 1.0, 2.0),) * 3)
    shape = (WIDTH, 7, 7)
    if second:
        box = lib.faster_rcnn.FastRCNNConvFCHead(shape, [6, 6], [10], norm_layer=inner)
    else:
        box = lib.faster_rcnn.TwoMLPHead(WIDTH * 49, 10)
    twin = lib.mask_rcnn.MaskRCNN(
        backbone,
        None,
        **SHARED,
        rpn_anchor_generator=anchors,
        rpn_head=lib.rpn.RPNHead(WIDTH, 3, conv_depth=1 + second),
        box_head=box,
        box_predictor=lib.faster_rcnn.FastRCNNPredictor(10, CLASSES + 1),
        mask_head=lib.mask_rcnn.MaskRCNNHeads(WIDTH, [6] * 2, 1, norm_layer=inner),
        mask_predictor=lib.mask_rcnn.MaskRCNNPredictor(6, 6, CLASSES + 1),
        rpn_pre_nms_top_n_test=40,
        rpn_post_nms_top_n_test=30,
        rpn_pre_nms_top_n_train=40,
        rpn_post_nms_top_n_train=30,
        rpn_batch_size_per_image=4000,
        box_batch_size_per_image=160,
        box_detections_per_img=12,
    )
    heads = twin.roi_heads
    heads.keypoint_roi_pool = ops.MultiScaleRoIAlign(["0", "1"], 14, 2)
    heads.keypoint_head = lib.keypoint_rcnn.KeypointRCNNHeads(WIDTH, [6] * 3)
    heads.keypoint_predictor = lib.keypoint_rcnn.KeypointRCNNPredictor(6, POINTS)
    return randomize(twin).eval(), thin_model(second)


def thin_model(second):
    norm = BatchNorm if second else None
    wide = ((10,), 2, 6, norm) if second else ((10, 10),)
    return RegionCNN(
        ResNet(0, (1, 1)),
        BoxHead(CLASSES, *wide),
        SIDES,
        MaskHead(CLASSES, 2, 6, norm),
        PointHead(POINTS, 3, 6),
        stages=("stage1", "stage2"),
        features=WIDTH,
        pyramid_norm=norm,
        proposal_convs=1 + second,
        pre_nms_top_k=40,
        post_nms_top_k=30,
        samples_per_image=160,
    )


def pictures():
    rng = np.random.default_rng(3)
    return [rng.normal(size=(*size, 3)).astype(np.float32) for size in SIZES]


def padded(images):
    full = np.max([image.shape for image in images], axis=0)
    full[:2] = -(-full[:2] // 32) * 32
    out = np.zeros((len(images), *full), np.float32)
    for row, image in zip(out, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return out


def variables_of(model, twin, size):
    x = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    like = jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)
    rules = region_cnn_rules(model)
    arrays = {k: np.float32(v) if v.dtype == np.float64 else v for k, v in arrays_of(twin).items()}
    variables = from_torch(rules, arrays, like)
    back = to_torch(rules, variables)
    # Theirs of no published weights count batches, which says nothing.
    counted, want = (
        {k: v for k, v in tree.items() if not k.endswith("num_batches_tracked")}
        for tree in (back, arrays)
    )
    assert set(counted) == set(want)
    for name, value in want.items():
        np.testing.assert_array_equal(back[name], value)
    return variables


def run_theirs(twin, images):
    """What their stages say: levels, logits, offsets, proposals, and what is found."""
    import torch

    said, hooks = {}, []
    parts = {"levels": twin.backbone, "rpn": twin.rpn.head, "proposals": twin.rpn}
    for name, part in parts.items():
        hook = part.register_forward_hook(lambda *a, name=name: said.__setitem__(name, a[2]))
        hooks.append(hook)
    with torch.no_grad():
        kind = next(twin.parameters()).dtype
        given = [torch.tensor(image).permute(2, 0, 1).to(kind) for image in images]
        # Pictures have their size already, so that sizes of the transform do nothing.
        twin.transform.resize = lambda image, target: (image, target)
        twin.transform.image_mean, twin.transform.image_std = [0.0] * 3, [1.0] * 3
        said["found"] = twin(given)
    for hook in hooks:
        hook.remove()
    return said


def check_stages(out, said, images):
    for level, want in zip(out.levels, said["levels"].values(), strict=False):
        close(level, want.permute(0, 2, 3, 1))
    flat = [a.permute(0, 2, 3, 1).reshape(len(images), -1) for a in said["rpn"][0]]
    close(out.scores, np.concatenate(flat, axis=1))
    for i, want in enumerate(said["proposals"][0]):
        assert int(out.valid[i].sum()) == len(want)
        close(out.regions[i][out.valid[i]], want)


def check_found(found, said):
    for i, want in enumerate(said["found"]):
        valid = np.flatnonzero(found.valid[i])
        assert len(valid) == len(want["boxes"]) > 2
        # Scores that differ by rounding alone may stand in either order.
        far = np.abs(np.asarray(found.boxes[i])[valid][:, None] - want["boxes"].numpy()).max(-1)
        other = np.asarray(found.labels[i])[valid][:, None] + 1 != want["labels"].numpy()
        valid = valid[linear_sum_assignment((far + 1e3 * other).T)[1]]
        close(found.boxes[i][valid], want["boxes"])
        close(found.scores[i][valid], want["scores"])
        np.testing.assert_array_equal(found.labels[i][valid] + 1, want["labels"])
        if "raw_masks" in want:
            # Six more convolutions of random weights make rounding larger.
            np.testing.assert_allclose(found.masks[i][valid], want["raw_masks"][:, 0], atol=5e-3)
        if "keypoints" in want:
            close(found.points[i][valid][..., :2], want["keypoints"][..., :2])
            close(found.points[i][valid][..., 2], want["keypoints_scores"])


def close(got, want):
    want = np.asarray(want)
    np.testing.assert_allclose(got, want, atol=1e-3 * max(1, np.abs(want).max()))


def keep_raw_masks(twin):
    """What their transform would paste is kept as the head gives it."""

    def postprocess(result, shapes, originals):
        for row in result:
            if "masks" in row:
                row["raw_masks"] = row.pop("masks")
        return result

    twin.transform.postprocess = postprocess


def check_detections(twin, model, images, limits, most, nms_iou=0.5):
    """All stages and all that is found, of pictures of several sizes in one batch."""
    x, sizes = padded(images), np.array([image.shape[:2] for image in images])
    variables = variables_of(model, twin, x.shape[1:3])
    dtype = np.float64 if jax.config.jax_enable_x64 else np.float32
    x, variables = x.astype(dtype), jax.tree.map(dtype, variables)
    detector = region_cnn_detector(model, region_cnn_losses)
    config = DetectConfig(max_detections=most, pre_nms_top_k=limits, nms_iou=nms_iou)
    keep_raw_masks(twin)
    said = run_theirs(twin, images)

    @quick_jit
    def run(variables, x, sizes):
        out = model.apply(variables, x, train=False, sizes=sizes)
        batch = {"image": x, "sizes": sizes}
        return out, detector.detect(config, variables, batch)

    out, found = run(variables, x, sizes)
    check_stages(out, said, images)
    check_found(found, said)
    return variables


@pytest.mark.parametrize("second", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_stages_and_detections_are_torchvisions(torchvision, second):
    twin, model = thin_pair(torchvision.models.detection, second)
    check_detections(twin, model, pictures(), 90, 12)


def truths():
    boxes = np.array([[[5, 8, 30, 28], [20, 25, 60, 63]], [[3, 4, 40, 44], [0, 0, 0, 0]]])
    rng = np.random.default_rng(5)
    points = boxes[:, :, None, :2] + rng.uniform(-0.1, 1.1, (2, 2, POINTS, 2)) * (
        boxes[:, :, None, 2:] - boxes[:, :, None, :2]
    )
    return {
        "boxes": jnp.asarray(boxes, jnp.float32),
        "labels": jnp.array([[2, 0], [1, 0]]),
        "kept": jnp.array([[True, True], [True, False]]),
        "masks": jnp.asarray(rng.random((2, 2, 64, 64)) > 0.4),
        "points": jnp.asarray(points, jnp.float32),
        "visible": jnp.asarray(rng.random((2, 2, POINTS)) > 0.2),
        "draw": jnp.arange(4, dtype=jnp.uint32).reshape(2, 2),
    }


def their_targets(truth, i):
    import torch

    kept = np.asarray(truth["kept"][i])
    row = {k: torch.tensor(np.asarray(v[i])[kept]) for k, v in truth.items() if k != "draw"}
    keypoints = torch.cat([row["points"], row["visible"][..., None].float()], dim=-1)
    return {
        "boxes": row["boxes"],
        "labels": row["labels"].long() + 1,
        "masks": row["masks"].byte(),
        "keypoints": keypoints,
    }


def test_losses_are_torchvisions_where_all_is_drawn(torchvision):
    """One picture after the other, since theirs are means over all regions of a batch."""
    import torch

    twin, model = thin_pair(torchvision.models.detection, False)
    variables = variables_of(model, twin, (64, 64))
    truth = truths()
    x = np.random.default_rng(3).normal(size=(2, 64, 64, 3)).astype(np.float32)
    losses = partial(region_cnn_losses, anchor_samples=4000)

    @quick_jit
    def run(variables, x, truth):
        return losses(model.apply(variables, x, train=False, truth=truth), truth)

    got = run(variables, x, truth)
    twin.train()  # its norms are frozen
    twin.transform.resize = lambda image, target: (image, target)
    names = {
        "objectness": "loss_objectness",
        "proposal": "loss_rpn_box_reg",
        "class": "loss_classifier",
        "box": "loss_box_reg",
        "mask": "loss_mask",
        "point": "loss_keypoint",
    }
    for i in range(2):
        with torch.no_grad():
            given = [torch.tensor(x[i]).permute(2, 0, 1)]
            want = twin(given, [their_targets(truth, i)])
        for ours, theirs in names.items():
            assert want[theirs] > 0
            np.testing.assert_allclose(got[ours][i], want[theirs], rtol=2e-3, err_msg=ours)


def calm(twin):
    """Random weights grow from block to block; each level of the pyramid begins at size 1 again.

    Proposals stay near their anchors, so that few overlap by just what suppression asks for.
    """
    import torch

    with torch.no_grad():
        x = torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
        maps = twin.backbone.body(x).values()
        for block, given in zip(twin.backbone.fpn.inner_blocks, maps, strict=True):
            block[0].weight /= block[0](given).std()
        twin.rpn.head.bbox_pred.weight *= 0.1
    return twin


@pytest.mark.slow
@pytest.mark.parametrize("name", REGION_CNNS)
def test_full_nets_are_torchvisions(torchvision, name):
    lib = torchvision.models.detection
    twin = calm(randomize(getattr(lib, name)(weights=None, weights_backbone=None)).eval())
    classes = 1 if name.startswith("keypoint") else 90
    model = REGION_CNNS[name](classes)
    rpn = twin.rpn
    assert rpn._pre_nms_top_n["testing"] == model.pre_nms_top_k
    assert rpn._post_nms_top_n["testing"] == model.post_nms_top_k
    # Among a thousand, rounding decides somewhere which of two is suppressed.
    model = model.clone(pre_nms_top_k=20, post_nms_top_k=40)
    rpn._pre_nms_top_n, rpn._post_nms_top_n = {"testing": 20}, {"testing": 40}
    frozen = model.pyramid_norm is None and "mobilenet" not in name
    if frozen:  # as for their published weights
        for part in twin.modules():
            if hasattr(part, "eps"):
                part.eps = 0.0
    # In float64: in float32 rounding over fifty layers moves scores across the threshold.
    with jax.enable_x64(True):
        # Regions within one cell of 32 pixels look alike: among equal scores nothing is suppressed.
        nms_iou, most = (1.0, 800) if "mobilenet" in name else (0.5, 100)
        twin.roi_heads.nms_thresh, twin.roi_heads.detections_per_img = nms_iou, most
        check_detections(twin.double(), model, pictures(), 20_000, most, nms_iou)


@pytest.mark.slow
def test_a_file_of_a_region_cnn_finds_what_theirs_does_in_pictures(
    torchvision, monkeypatch, tmp_path
):
    """By way of the registry: pictures resized there and back, labels in torchvision's numbers."""
    import torch

    twin = thin_pair(torchvision.models.detection, False)[0]
    twin.roi_heads.detections_per_img = 100
    name = "maskrcnn_resnet50_fpn"
    how = DetectorPictures(shorter=48, longer=64, mean=(0.0,) * 3, std=(1.0,) * 3)
    thin = dataclasses.replace(
        DETECTORS[name], build=lambda classes, **options: thin_model(False), pictures=how
    )
    monkeypatch.setitem(DETECTORS, name, thin)
    write_safetensors(tmp_path / "thin.safetensors", arrays_of(twin))
    detector = load_detector(tmp_path / "thin.safetensors", name)
    assert detector.classes == ("background", "class 1", "class 2", "class 3")
    rng = np.random.default_rng(3)
    # Halved and doubled, which both do without rounding: a region at a bound may change its level.
    photos = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((96, 128), (24, 30))]
    found: Any = detector(photos)
    with torch.no_grad():
        want = twin([torch.tensor(photo).permute(2, 0, 1).float() / 255 for photo in photos])
    for i, row in enumerate(want):
        valid = found.valid[i]
        assert valid.sum() == len(row["boxes"]) > 2
        close(found.boxes[i][valid], row["boxes"])
        close(found.scores[i][valid], row["scores"])
        np.testing.assert_array_equal(found.labels[i][valid], row["labels"])
        close(found.points[i][valid][..., :2], row["keypoints"][..., :2])
    assert found.masks.min() >= 0
    assert found.masks.max() <= 1
