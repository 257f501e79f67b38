"""Every name that torchvision has, at full size: minutes each, and gigabytes."""

import pytest

from jaxdl.models.registry import create_model, list_models
from tests.models.weights.twins import check_gradients, check_logits, randomize

pytestmark = pytest.mark.slow
# One of each family: deeper ones differ in the number of blocks alone.
TRAINED = (
    "alexnet", "vgg11", "vgg11_bn", "googlenet", "squeezenet1_0", "resnet18", "resnet50",
    "resnext50_32x4d", "wide_resnet50_2", "densenet121", "mobilenet_v2",
    "mobilenet_v3_large", "convnext_tiny", "swin_t", "vit_b_32",
)  # fmt: skip
DROPOUT = (
    "alexnet", "vgg11", "vgg11_bn", "googlenet", "squeezenet1_0", "mobilenet_v2",
    "mobilenet_v3_large",
)  # fmt: skip
DROP_PATH = ("convnext_tiny", "swin_t")
# Random weights give it logits of 1000, which lose more than 1e-4 in float32 (in float64: 1e-13).
IN_FLOAT64 = ("mobilenet_v3_large",)


def pair(torchvision, name, **options):
    """Our model and torchvision's with random weights."""
    if not hasattr(torchvision.models, name):
        pytest.skip("a model that torchvision does not have")
    theirs = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    if options and name == "googlenet":
        theirs["dropout_aux"] = 0.0
    twin = getattr(torchvision.models, name)(**options, **theirs)
    ours = options | ({"aux_dropout": 0.0} if options and name == "googlenet" else {})
    return create_model(name, 1000, **ours), randomize(twin)


@pytest.mark.parametrize("name", list_models())
def test_logits_at_two_sizes(torchvision, name):
    if name in IN_FLOAT64:
        pytest.skip("its logits are compared with its gradients, in float64")
    model, twin = pair(torchvision, name)
    for size in (224,) if name.startswith("vit") else (224, 160):
        check_logits(model, twin, size)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", TRAINED)
def test_gradients(torchvision, name, train):
    options = {"dropout": 0.0} if name in DROPOUT else {}
    model, twin = pair(torchvision, name, **options)
    if name in DROP_PATH:
        model = model.clone(drop_path=0.0)
        for module in twin.modules():
            if isinstance(module, torchvision.ops.StochasticDepth):
                module.p = 0.0
    check_gradients(model, twin, 224 if name.startswith("vit") else 160, train=train)
