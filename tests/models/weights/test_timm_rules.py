"""Thin variants against timm's own models, where timm is installed."""

import pytest

from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.transformers.vit import ViT
from tests.models.weights.twins import CLASSES, check_gradients, randomize


@pytest.fixture(scope="module")
def timm(torchvision):
    return pytest.importorskip("timm")


def test_vit(timm):
    twin = timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=12, depth=2, num_heads=3, mlp_ratio=2,
        num_classes=CLASSES,
    )  # fmt: skip
    model = ViT(CLASSES, patch=8, width=12, depth=2, heads=3, hidden=24)
    check_gradients(model, randomize(twin), 32, train=False, source="timm")
    check_gradients(model, twin, 32, train=True, source="timm")


def test_resnet(timm):
    lib = timm.models.resnet
    twin = lib.ResNet(lib.Bottleneck, [1, 1, 1, 1], CLASSES)
    model = ResNet(CLASSES, (1, 1, 1, 1), bottleneck=True)
    check_gradients(model, randomize(twin), 33, train=False, source="timm")
