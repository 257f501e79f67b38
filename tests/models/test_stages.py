"""Named stages of every model: their order, strides and ends."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.conv import Conv
from jaxdl.models.convnets.googlenet import GoogLeNet
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.registry import create_model
from jaxdl.models.stages import stage_shapes
from jaxdl.models.transformers.vit import ViT
from tests.models.torch_layers import images, quick_jit, random_variables

FAMILIES = [
    "alexnet", "cifar_convnet", "cifar_densenet40", "deep_convnet", "flat_convnet", "googlenet",
    "lenet", "lenet_1998", "mlp", "mnist_convnet", "mnist_inception", "mnist_residual",
    "efficientnet_lite0", "mobilenet_v1", "mobilenet_v2", "preact_resnet20", "resnet18",
    "convnext_tiny", "mobilenet_v3_small", "signal_head", "squeezenet1_1",
    "strided_convnet", "swin_t", "three_layer_convnet", "vgg11", "vit_ti_16",
]  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_names_its_stages_and_can_leave_its_classifier_out(name):
    small = name.startswith(("mnist", "lenet", "cifar", "signal", "flat"))
    shape = (28, 28, 1) if small else (64, 64, 3)
    with_head = stage_shapes(create_model(name, 7), shape)
    without = stage_shapes(create_model(name, 0), shape)
    assert list(with_head)[-1] == "logits"
    assert with_head["logits"] == (7,)
    assert "logits" not in without
    assert len(without) >= 1
    assert without.items() <= with_head.items()


def test_stages_are_in_order_and_at_their_strides():
    assert stage_shapes(ResNet(5, (1, 1, 1, 1), width=8), (64, 96, 3)) == {
        "conv1": (32, 48, 8),
        "stem": (16, 24, 8),
        "stage1": (16, 24, 8),
        "stage2": (8, 12, 16),
        "stage3": (4, 6, 32),
        "stage4": (2, 3, 64),
        "pooled": (64,),
        "logits": (5,),
    }
    assert list(stage_shapes(ViT(5, width=8, depth=2, heads=2, hidden=8), (32, 32, 3))) == [
        "patches", "block1", "block2", "tokens", "pooled", "logits",
    ]  # fmt: skip


def test_auxiliary_logits_are_stages():
    shapes = stage_shapes(GoogLeNet(5), (64, 64, 3))
    assert shapes["aux1"] == shapes["aux2"] == (5,)
    assert "aux1" not in stage_shapes(GoogLeNet(5, aux=False), (64, 64, 3))


def test_stages_end_in_what_the_call_gives():
    model = ResNet(5, (1,), width=4, small=True)
    variables, x = random_variables(model, (8, 8, 3)), images((8, 8, 3))
    stages = quick_jit(lambda v, x: model.apply(v, x, train=False, stages=True))(variables, x)
    logits = quick_jit(lambda v, x: model.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(stages["logits"], logits, rtol=1e-5, atol=1e-6)
    backbone = ResNet(0, (1,), width=4, small=True)
    variables["params"].pop("head")
    pooled = quick_jit(lambda v, x: backbone.apply(v, x, train=False))(variables, x)
    np.testing.assert_allclose(pooled, stages["pooled"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(stages["stage1"].mean((1, 2)), pooled, rtol=1e-5, atol=1e-6)


class Heatmap(nn.Module):
    backbone: nn.Module

    @nn.compact
    def __call__(self, x, *, train):
        stages = self.backbone(x, train=train, stages=True)
        return Conv(1, 1, name="map")(stages["stage1"])


def test_a_backbone_inside_another_module():
    model = Heatmap(ResNet(0, (1, 1), width=4, small=True))
    variables = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    )
    assert set(variables["params"]) == {"backbone", "map"}
    assert "head" not in variables["params"]["backbone"]


def test_a_module_without_stages():
    with pytest.raises(ValueError, match="stage_shapes: Dense has no named stages"):
        stage_shapes(nn.Dense(3), (4,))
