"""Forms that torchvision does not have, written a second time in torch's functions."""

import jax
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.models.convnets.alexnet import ZFNet
from jaxdl.models.convnets.densenet import DenseNet
from jaxdl.models.convnets.googlenet import GoogLeNetPaper
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.mobile.mobilenet import MobileNetV1, MobileNetV2, scaled
from jaxdl.models.stages import stage_shapes
from tests.models.torch_layers import check, images, quick_jit, random_variables

torch = pytest.importorskip("torch")
F = torch.nn.functional


def zfnet(t, x):
    for i, (stride, padding) in enumerate([(2, 1), (2, 0), (1, 1), (1, 1), (1, 1)], 1):
        x = t.conv(x, f"conv{i}", stride=stride, padding=padding).relu()
        x = F.max_pool2d(x, 3, 2, ceil_mode=True) if i in (1, 2, 5) else x
    x = t.flat(F.adaptive_avg_pool2d(x, 6))
    return t.dense(t.dense(t.dense(x, "fc6").relu(), "fc7").relu(), "fc8")


def googlenet(t, x):
    def unit(x, name, **options):
        return t.conv(x, f"{name}/conv", **options).relu()

    x = F.max_pool2d(unit(x, "conv1", stride=2, padding=3), 3, 2, ceil_mode=True)
    x = unit(unit(x, "conv2"), "conv3", padding=1)
    x, name = F.max_pool2d(x, 3, 2, ceil_mode=True), "inception3a"
    branches = [
        unit(x, f"{name}/one"),
        unit(unit(x, f"{name}/three1"), f"{name}/three2", padding=1),
        unit(unit(x, f"{name}/five1"), f"{name}/five2", padding=2),
        unit(F.max_pool2d(x, 3, 1, 1), f"{name}/pool2"),
    ]
    return t.dense(torch.cat(branches, 1).mean((2, 3)), "head")


def resnet_1x1(t, x):
    x = t.norm(t.conv(x, "conv1", padding=1), "norm1").relu()
    for stage in (1, 2):
        name, stride = f"stage{stage}_block1", stage
        y = t.norm(t.conv(x, f"{name}/conv1", stride=stride), f"{name}/norm1").relu()
        y = t.norm(t.conv(y, f"{name}/conv2", padding=1), f"{name}/norm2").relu()
        y = t.norm(t.conv(y, f"{name}/conv3"), f"{name}/norm3")
        x = t.norm(t.conv(x, f"{name}/proj", stride=stride), f"{name}/proj_norm")
        x = (x + y).relu()
    return t.dense(x.mean((2, 3)), "head")


def densenet_small(t, x):
    x = t.conv(x, "conv1", padding=1)
    for name in ("stage1_layer1", "stage1_layer2"):
        y = t.conv(t.norm(x, f"{name}/norm1").relu(), f"{name}/conv1")
        y = t.conv(t.norm(y, f"{name}/norm2").relu(), f"{name}/conv2", padding=1)
        x = torch.cat([x, y], 1)
    return t.dense(t.norm(x, "norm").relu().mean((2, 3)), "head")


def mobilenet_v1(t, x):
    x = t.norm(t.conv(x, "stem/conv", stride=2, padding=1), "stem/norm").relu()
    for name, stride in (("stage1_block1", 1), ("stage2_block1", 2), ("stage2_block2", 1)):
        deep = f"{name}/depthwise"
        x = t.conv(x, f"{deep}/conv", stride=stride, padding=1, groups=x.shape[1])
        x = t.norm(x, f"{deep}/norm").relu()
        x = t.norm(t.conv(x, f"{name}/pointwise/conv"), f"{name}/pointwise/norm").relu()
    return t.dense(x.mean((2, 3)), "head")


FORMS = {
    "zfnet": (ZFNet(3, (2, 3, 4, 3, 2), hidden=5), zfnet, (63, 70, 3)),
    "googlenet": (
        GoogLeNetPaper(3, stem=(3, 2, 4), blocks=(("inception3a", (1, 2, 3, 2, 1, 2)),), aux=False),
        googlenet,
        (32, 37, 3),
    ),
    "resnet_1x1": (
        ResNet(3, (1, 1), True, 4, group_width=64, stride_in="1x1", small=True),
        resnet_1x1,
        (9, 8, 3),
    ),
    "densenet_small": (DenseNet(3, (2,), 3, 4, 2, small=True), densenet_small, (6, 7, 3)),
    "mobilenet_v1": (
        MobileNetV1(3, (8, 16), (1, 2), (1, 2), stem=8),
        mobilenet_v1,
        (17, 16, 3),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_logits_are_torchs(form):
    check(*FORMS[form])


def test_batch_statistics_in_training():
    model, twin, shape = FORMS["mobilenet_v1"]
    check(model, twin, shape, train=True)


@pytest.mark.parametrize(
    "model",
    [
        ZFNet(3, (2, 3, 4, 3, 2), hidden=50, dropout=0.5),
        DenseNet(3, (2,), 3, 4, 2, dropout=0.5, small=True),
        MobileNetV1(3, (8,), (1,), (1,), stem=8, dropout=0.5),
        MobileNetV2(3, (2,), (8,), (1,), (1,), stem=8, last=16, dropout=0.5),
        GoogLeNetPaper(3, stem=(3, 2, 4), blocks=(("inception3a", (1, 2, 3, 2, 1, 2)),), aux=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_dropout_acts_in_training_alone(model):
    shape = (64, 64, 3) if isinstance(model, ZFNet) else (32, 32, 3)
    variables, x = random_variables(model, shape), images(shape)
    mutable = [name for name in variables if name != "params"]
    apply = quick_jit(lambda rng: model.apply(variables, x, train=True, mutable=mutable, rngs=rng))
    first, second = (apply({"dropout": jax.random.key(seed)})[0] for seed in (0, 1))
    assert np.abs(first - second).max() > 1e-3
    calm = quick_jit(lambda: model.apply(variables, x, train=False))()
    assert np.isfinite(calm).all()


@pytest.mark.parametrize(
    ("features", "want"), [(32 * 0.35, 16), (24 * 0.35, 8), (16 * 0.75, 16), (90, 88), (12, 16)]
)
def test_rounding_to_eights_is_torchvisions(torchvision, features, want):
    from torchvision.models._utils import _make_divisible

    assert scaled(features) == want == _make_divisible(features, 8)


def test_widths_of_mobilenets():
    wide = stage_shapes(MobileNetV2(3, width=1.4), (32, 32, 3))
    assert (wide["stem"][-1], wide["pooled"]) == (48, (1792,))
    thin = stage_shapes(MobileNetV2(3, width=0.5), (32, 32, 3))
    assert (thin["stem"][-1], thin["pooled"]) == (16, (1280,))
    assert stage_shapes(MobileNetV1(3, width=0.25), (32, 32, 3))["pooled"] == (256,)


def test_a_bottleneck_strides_in_one_of_two_places():
    with pytest.raises(UsageError, match="stride_in must be one of 1x1, 3x3, got '5x5'"):
        stage_shapes(ResNet(3, (1,), True, 8, stride_in="5x5"), (32, 32, 3))


@pytest.mark.parametrize(("small", "stride"), [(True, 2), (False, 4)])
def test_a_stride_of_the_first_convolution_skips_places(small, stride):
    x = images((12, 12, 3))
    model = ResNet(3, (1,), width=4, small=small)
    variables = random_variables(model, (12, 12, 3))
    dense, strided = (
        model.clone(stem_stride=n).apply(variables, x, train=False, stages=True)["conv1"]
        for n in (1, stride)
    )
    np.testing.assert_allclose(strided, dense[:, ::stride, ::stride], rtol=1e-5, atol=1e-6)
