"""torchvision's own networks with random weights: theirs in ours at two sizes, and back again."""

import importlib
from typing import Any

import jax
import numpy as np
import pytest

from jaxdl.models.registry import create_model
from jaxdl.models.segmentation.torchvision_nets import (
    LRASPP,
    MobileNetSegmenter,
    ResNetSegmenter,
)
from jaxdl.models.weights.rule_sets import rules_for
from jaxdl.models.weights.weight_rules import count_classes, from_torch, to_torch
from tests.models.weights.twins import arrays_of, images, quick_jit, randomize, shapes_of

CLASSES = 5
FULL = (
    *("fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101"),
    *("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"),
)


def parts_of(vision: Any) -> tuple[Any, Any, Any]:
    getter = importlib.import_module("torchvision.models._utils").IntermediateLayerGetter
    segmentation = vision.models.segmentation
    return getter, segmentation.fcn, segmentation.deeplabv3


def thin_resnet(vision, head):
    """Stages of 1, 1, 2 and 2 blocks, the last two of them dilated."""
    getter, fcn, deeplab = parts_of(vision)
    lib = vision.models.resnet
    net = lib.ResNet(lib.Bottleneck, [1, 1, 2, 2], replace_stride_with_dilation=[False, True, True])
    backbone = getter(net, {"layer4": "out", "layer3": "aux"})
    aux = fcn.FCNHead(1024, CLASSES)
    model = ResNetSegmenter(CLASSES, head=head, blocks=(1, 1, 2, 2))
    if head == "fcn":
        return model, fcn.FCN(backbone, fcn.FCNHead(2048, CLASSES), aux)
    return model, deeplab.DeepLabV3(backbone, deeplab.DeepLabHead(2048, CLASSES), aux)


def thin_mobilenet(vision, head):
    """A quarter of the features."""
    getter, _, deeplab = parts_of(vision)
    lib = importlib.import_module("torchvision.models.mobilenetv3")
    table, last = lib._mobilenet_v3_conf("mobilenet_v3_large", width_mult=0.25, dilated=True)
    features = lib.MobileNetV3(table, last).features
    if head == "lraspp":
        lraspp = importlib.import_module("torchvision.models.segmentation.lraspp")
        twin = lraspp.LRASPP(
            getter(features, {"4": "low", "16": "high"}),
            features[4].out_channels,
            features[16].out_channels,
            CLASSES,
            inter_channels=9,
        )
        return LRASPP(CLASSES, inner=9, multiplier=0.25), twin
    backbone = getter(features, {"16": "out"})
    twin = deeplab.DeepLabV3(backbone, deeplab.DeepLabHead(features[16].out_channels, CLASSES))
    return MobileNetSegmenter(CLASSES, aux=False, multiplier=0.25), twin


THIN = {
    "fcn_resnet": lambda vision: thin_resnet(vision, "fcn"),
    "deeplab_resnet": lambda vision: thin_resnet(vision, "deeplab"),
    "deeplab_mobilenet": lambda vision: thin_mobilenet(vision, "deeplab"),
    "lraspp_mobilenet": lambda vision: thin_mobilenet(vision, "lraspp"),
}


def check_both_ways(model, twin, sizes, atol=1e-4):
    """Logits, also of the earlier stage, to `atol` of the largest; a file read is that written."""
    import torch

    randomize(twin).eval()
    arrays, rules = arrays_of(twin), rules_for(model)
    variables = from_torch(rules, arrays, shapes_of(model, sizes[0]))
    back = to_torch(rules, variables)
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value, err_msg=name)
    assert count_classes(rules, arrays) == model.num_classes
    call = quick_jit(lambda v, x: model.apply(v, x, train=False, stages=True))
    for size in sizes:
        x = images(size)[:1]
        got = call(variables, x)
        with torch.no_grad():
            want = twin(torch.tensor(x.transpose(0, 3, 1, 2)))
        for ours, theirs in {"logits": "out", "aux": "aux"}.items():
            if theirs in want:
                value = want[theirs].numpy().transpose(0, 2, 3, 1)
                scale = max(1, np.abs(value).max())
                np.testing.assert_allclose(got[ours], value, atol=atol * scale)


SLOW = [pytest.param("deeplab_mobilenet", marks=pytest.mark.slow)]  # parts of two others


@pytest.mark.parametrize("name", [*sorted(THIN.keys() - {"deeplab_mobilenet"}), *SLOW])
def test_a_thin_one_of_each_family(torchvision, name):
    model, twin = THIN[name](torchvision)
    check_both_ways(model, twin, (33, 48))


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_the_full_ones_by_name(torchvision, name):
    theirs = getattr(torchvision.models.segmentation, name)
    options = {} if name.startswith("lraspp") else {"aux_loss": True}
    twin = theirs(weights=None, weights_backbone=None, num_classes=21, **options)
    # Rounding grows in MobileNet's fifty layers of random weights; in float64 both agree to 1e-6.
    check_both_ways(create_model(name, 21), twin, (224, 161), 5e-4 if "mobile" in name else 1e-4)


def test_full_names_have_torchvisions_parameters(torchvision):
    torch = pytest.importorskip("torch")
    for name in ("fcn_resnet50", "lraspp_mobilenet_v3_large"):
        shapes = shapes_of(create_model(name, 21), 64)
        options = {} if name.startswith("lraspp") else {"aux_loss": True}
        with torch.device("meta"):
            theirs = getattr(torchvision.models.segmentation, name)
            twin = theirs(weights=None, weights_backbone=None, num_classes=21, **options)
        want = sum(p.numel() for p in twin.parameters())
        assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == want
