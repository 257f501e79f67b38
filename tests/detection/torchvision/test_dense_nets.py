"""torchvision's own dense detectors with random weights: theirs in ours, and back again.

Thin ones on pictures of two sizes (two by default, the others slow), those of their names as slow
tests: maps and predictions stage by stage, then boxes, scores and labels in the pictures' pixels.
"""

import importlib
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from jaxdl.detection.dense.fcos import FCOS
from jaxdl.detection.dense.retinanet import RetinaNet
from jaxdl.detection.torchvision.load import COUNTER, LoadedDetector, variable_shapes
from jaxdl.detection.torchvision.registry import DETECTORS
from jaxdl.detection.torchvision.vgg_maps import VGGMaps
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3
from jaxdl.models.weights.weight_rules import from_torch, places, to_torch
from tests.models.weights.twins import arrays_of, quick_jit, randomize

CLASSES = 4  # the background counts
THIN = (1, 1, 1, 1)


def modules():
    names = ("retinanet", "fcos", "ssd", "ssdlite", "backbone_utils", "anchor_utils")
    return {name: importlib.import_module(f"torchvision.models.detection.{name}") for name in names}


def thin_pyramid(vision, inputs, features=32):
    """A ResNet of basic blocks and a pyramid over its last three stages."""
    lib, parts = vision.models.resnet, modules()["backbone_utils"]
    beyond = vision.ops.feature_pyramid_network.LastLevelP6P7(inputs, features)
    stages = {f"layer{k}": str(k) for k in (2, 3, 4)}
    net = lib.ResNet(lib.BasicBlock, list(THIN))
    return parts.BackboneWithFPN(net, stages, [128, 256, 512], features, beyond)


def thin_retinanet(vision, second):
    lib = modules()["retinanet"]
    norm = partial(__import__("torch").nn.GroupNorm, 8) if second else None
    head = lib.RetinaNetHead(32, 9, CLASSES, norm_layer=norm)
    body = thin_pyramid(vision, 512 if second else 32)
    twin = lib.RetinaNet(body, CLASSES, head=head, min_size=64, max_size=96)
    options = {"extra_from": "backbone", "norm": partial(GroupNorm, groups=8)} if second else {}
    return RetinaNet(ResNet(0, THIN), CLASSES, features=32, **options), twin


def thin_fcos(vision):
    body = thin_pyramid(vision, 64, 64)  # of 32 features, a group in one cell would be one number
    twin = modules()["fcos"].FCOS(body, CLASSES, min_size=64, max_size=96)
    return FCOS(ResNet(0, THIN), CLASSES, features=64), twin


def thin_ssd(vision):
    """VGG with few features before its fourth stage, whose number theirs has fixed."""
    lib = modules()["ssd"]
    layers = [8, "M", 8, "M", 16, "M", 512, "M", 512, "M"]
    vgg = importlib.import_module("torchvision.models.vgg")
    features = lib.SSDFeatureExtractorVGG(vgg.make_layers(layers), False)
    boxes = modules()["anchor_utils"].DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    mean = {"image_mean": [0.48235, 0.45882, 0.40784], "image_std": [1 / 255] * 3}
    twin = lib.SSD(features, boxes, (300, 300), CLASSES, **mean)
    net = VGGMaps((1,) * 5, (8, 8, 16, 512, 512))
    return DETECTORS["ssd300_vgg16"].build(CLASSES).clone(backbone=net), twin


def thin_ssdlite(vision):
    """A quarter of the MobileNet's features."""
    model = DETECTORS["ssdlite320_mobilenet_v3_large"].build(CLASSES)
    twin = modules()["ssdlite"].ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=CLASSES, width_mult=0.25
    )
    backbone: MobileNetV3 = model.backbone
    return model.clone(backbone=backbone.clone(width=0.25)), twin


FAMILIES = {
    "retinanet_resnet50_fpn": partial(thin_retinanet, second=False),
    "retinanet_resnet50_fpn_v2": partial(thin_retinanet, second=True),
    "fcos_resnet50_fpn": thin_fcos,
    "ssd300_vgg16": thin_ssd,
    "ssdlite320_mobilenet_v3_large": thin_ssdlite,
}


LAST = r".*(cls_logits|bbox_reg|bbox_ctrness|module_list\.\d(\.1)?)"


def spread(twin, x):
    """Random weights under which values keep their size, and scores and boxes differ.

    A MobileNet's norms get the statistics of the pictures `x`, all last convolutions a factor.
    """
    import torch

    randomize(twin)
    with torch.no_grad():
        net = getattr(twin.backbone, "features", None)  # a MobileNet's values would grow and grow
        for module in net.modules() if net else ():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        if net:
            net.train()(x)
        maps = list(twin.eval().backbone(x).values())
        for head, goal in ((twin.head.classification_head, 1.5), (twin.head.regression_head, 0.5)):
            out = head(maps)
            factor = goal / (out[0] if isinstance(out, tuple) else out).std()
            for name, module in head.named_modules():
                if isinstance(module, torch.nn.Conv2d) and re.fullmatch(LAST, "." + name):
                    module.weight.mul_(factor)
                    module.bias.mul_(factor)


def check_file(published, model, twin):
    """Theirs in ours, and back again; our variables."""
    arrays, rules = arrays_of(twin), published.rules(model)
    variables = from_torch(rules, arrays, variable_shapes(published, model))
    back = to_torch(rules, variables)
    assert back.keys() - arrays.keys() == set()
    for key, value in arrays.items():
        if not key.endswith(COUNTER):
            np.testing.assert_array_equal(back[key], value, err_msg=key)
    return variables


def check_whole(name, model, twin, sizes):
    """The file; maps, predictions and anchors; what is found in pictures of these sizes."""
    import torch

    how = DETECTORS[name].pictures
    if how.fixed is None:
        how = replace(how, shorter=twin.transform.min_size[0], longer=twin.transform.max_size)
    published = replace(DETECTORS[name], pictures=how)
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    given = [torch.tensor(photo).permute(2, 0, 1).float() / 255 for photo in photos]
    with torch.no_grad():
        x = twin.transform(given)[0].tensors
        spread(twin, x)
        maps = list(twin.backbone(x).values())
        want, results = twin.head(maps), twin(given)
    variables = check_file(published, model, twin)
    look = quick_jit(lambda v, x: model.apply(v, x, train=False, capture_intermediates=True))
    out, kept = look(variables, how(photos).images)
    check_stages(out, kept["intermediates"], maps, want)
    got = LoadedDetector(name, published, model, variables, CLASSES)(photos)
    for i, result in enumerate(results):
        check_result(got, i, result)


def check_stages(out, kept, maps, want):
    """Maps of all levels, logits and offsets of all anchors, to 1e-3 of the largest."""
    if "pyramid" in kept:
        ours = kept["pyramid"]["__call__"][0]
    else:
        first = kept["backbone"]["__call__"][0]
        ours = [first[n] for n in (("conv4", "fc7") if "conv4" in first else ("expanded", "last"))]
        ours += [kept[f"extra{i}_out"]["__call__"][0] for i in range(1, 5)]
    assert len(ours) == len(maps)
    for a, b in zip(ours, maps, strict=True):
        close(a, b.numpy().transpose(0, 2, 3, 1))
    names = {"logits": "cls_logits", "offsets": "bbox_regression", "sides": "bbox_regression"}
    for field, levels in out._asdict().items():
        flat = np.concatenate([x.reshape(len(x), -1, x.shape[-1]) for x in levels], 1)
        close(flat, want[names.get(field, "bbox_ctrness")].numpy())


def close(got, want):
    np.testing.assert_allclose(got, want, atol=1e-3 * max(1, np.abs(want).max()))


def check_result(got, i, want):
    """Every box of theirs is one of ours, and as many; what scores alike may change places."""
    boxes, scores, labels = (want[name].numpy() for name in ("boxes", "scores", "labels"))
    count = int(got.valid[i].sum())
    assert count == len(scores) > 3
    np.testing.assert_allclose(got.scores[i, :count], scores, atol=1e-3)
    same = got.labels[i, :count, None] == labels
    same &= np.abs(got.scores[i, :count, None] - scores) < 1e-3
    apart = np.abs(got.boxes[i, :count, None] - boxes).max(-1)
    same &= apart <= 1e-3 * max(1, boxes.max())
    assert same.any(0).all()
    assert same.any(1).all()


DEFAULT = ("retinanet_resnet50_fpn", "ssd300_vgg16")
MORE = [pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES if name not in DEFAULT]


@pytest.mark.parametrize("name", [*DEFAULT, *MORE])
def test_a_thin_one_of_each_family(torchvision, name):
    model, twin = FAMILIES[name](torchvision)
    check_whole(name, model, twin, ((50, 61), (70, 44)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_full_ones_by_name(torchvision, name):
    fixed = DETECTORS[name].pictures.fixed is not None
    twin = getattr(torchvision.models.detection, name)(
        weights=None,
        weights_backbone=None,
        num_classes=CLASSES,
        **({} if fixed else {"min_size": 200, "max_size": 320}),
    )
    model = DETECTORS[name].build(CLASSES, **({"eps": 1e-5} if DETECTORS[name].frozen else {}))
    # Halved and doubled, which both do without rounding: 50 layers of random weights enlarge that.
    check_whole(name, model, twin, ((400, 520), (100, 120)))


NAMED = ("fcos_resnet50_fpn", "ssdlite320_mobilenet_v3_large")  # no thin one by default
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in DETECTORS if name not in NAMED]


@pytest.mark.parametrize("name", [*NAMED, *OTHERS])
def test_full_names_have_torchvisions_parameters(torchvision, name):
    torch = pytest.importorskip("torch")
    published = DETECTORS[name]
    with torch.device("meta"):
        make = getattr(torchvision.models.detection, name)
        twin = make(weights=None, weights_backbone=None, num_classes=91)
    shapes = variable_shapes(published, published.build(91))
    want = {key: tuple(value.shape) for key, value in twin.named_parameters()}
    got = {p.theirs: p.their_shape for p in places(published.rules(published.build(91)), shapes)}
    assert {key: got.get(key) for key in want} == want
