"""The notes' nets, written a second time in torch."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.registry import create_model
from jaxdl.models.small.lenet import LeNet1998
from jaxdl.models.small.mnist_inception import MNISTInception
from jaxdl.models.small.mnist_residual import MNISTResidual
from jaxdl.models.small.small_convnets import (
    CIFARConvNet,
    DeepConvNet,
    FlatConvNet,
    MNISTConvNet,
    SignalHead,
    StridedConvNet,
    ThreeLayerConvNet,
)
from jaxdl.models.stages import stage_shapes
from tests.models.torch_layers import check, images, quick_jit, random_variables

torch = pytest.importorskip("torch")
pool = torch.nn.functional.max_pool2d


def mnist_convnet(t, x):
    x = pool(t.conv(x, "conv1"), 2).relu()
    return t.dense(t.flat(pool(t.conv(x, "conv2"), 2).relu()), "head")


def cifar_convnet(t, x):
    for i in (1, 2, 3):
        x = pool(t.conv(x, f"conv{i}", padding=2), 2)
    return t.dense(t.dense(t.flat(x), "fc1"), "head")


def three_layer(t, x):
    x = pool(t.conv(x, "conv1", padding=1).relu(), 2)
    return t.dense(t.dense(t.flat(x), "fc1").relu(), "head")


def flat_convnet(t, x):
    x = t.conv(x, "conv1", padding=2).relu()
    return t.dense(t.flat(t.conv(x, "conv2", padding=1).relu()), "head")


def deep(pools, norm):
    def forward(t, x):
        for i in (1, 2, 3):
            x = t.conv(x, f"conv{i}", padding=1)
            x = (t.norm(x, f"norm{i}") if norm else x).relu()
            x = pool(x, 2) if i in pools else x
        return t.dense(t.flat(x), "head")

    return forward


def signal_head(t, x):
    x = torch.nn.functional.gelu(t.conv(x, "conv1", stride=(3, 4)))
    return t.dense(t.flat(x), "head")


def strided(t, x):
    for i in (1, 2):
        x = t.conv(x, f"conv{i}", stride=2, padding=1).relu()
    return t.dense(t.dense(t.flat(x), "fc1").relu(), "head")


def mnist_inception(t, x):
    for i in (1, 2):
        x, name = pool(t.conv(x, f"conv{i}"), 2).relu(), f"inception{i}"
        five = t.conv(t.conv(x, f"{name}/five1"), f"{name}/five2", padding=2)
        three = t.conv(t.conv(x, f"{name}/three1"), f"{name}/three2", padding=1)
        mean = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
        branches = [
            t.conv(x, f"{name}/one"),
            five,
            t.conv(three, f"{name}/three3", padding=1),
            t.conv(mean, f"{name}/pool2"),
        ]
        x = torch.cat(branches, 1)
    return t.dense(t.flat(x), "head")


def mnist_residual(t, x):
    for i in (1, 2):
        x = pool(t.conv(x, f"conv{i}").relu(), 2)
        y = t.conv(t.conv(x, f"block{i}/conv1", padding=1).relu(), f"block{i}/conv2", padding=1)
        x = (x + y).relu()
    return t.dense(t.flat(x), "head")


def lenet_1998(t, x):
    for i in (1, 2, 3):
        x = t.conv(x, f"conv{i}", padding=2 if i == 1 else 0).tanh()
        if i < 3:
            x = torch.nn.functional.avg_pool2d(x, 2) * t.get(f"pool{i}/scale")[:, None, None]
            x = (x + t.get(f"pool{i}/bias")[:, None, None]).tanh()
    hidden = t.dense(t.flat(x), "fc").tanh()
    return -(torch.cdist(hidden, t.get("codes")) ** 2) / 2


NETS: dict[str, Any] = {
    "a": (MNISTConvNet(4, (3, 5)), mnist_convnet, (17, 16, 1)),
    "b": (CIFARConvNet(4, (3, 4, 5), 6), cifar_convnet, (16, 19, 3)),
    "c": (ThreeLayerConvNet(4, 5, 3, 6), three_layer, (8, 9, 2)),
    "c, unpooled": (FlatConvNet(4, (5, 3)), flat_convnet, (6, 7, 2)),
    "d": (DeepConvNet(4, (3, 4, 5), (1, 3)), deep((1, 3), False), (8, 9, 3)),
    "d, norm": (DeepConvNet(4, (3, 4, 5), (2,), True), deep((2,), True), (8, 9, 3)),
    "e": (SignalHead(4, 5, (3, 4)), signal_head, (10, 12, 1)),
    "strided": (StridedConvNet(4, (3, 5), 6), strided, (10, 13, 2)),
    "inception": (MNISTInception(4, (3, 5), 2, 3), mnist_inception, (16, 18, 1)),
    "residual": (MNISTResidual(4, (3, 5)), mnist_residual, (16, 17, 1)),
    "lenet of 1998": (LeNet1998(4, (2, 3, 5), 6), lenet_1998, (28, 28, 1)),
}


@pytest.mark.parametrize("net", NETS)
def test_logits_are_torchs(net):
    check(*NETS[net])


def test_batch_statistics_in_training():
    model, twin, shape = NETS["d, norm"]
    check(model, twin, shape, train=True)


@pytest.mark.parametrize(
    ("model", "shape", "stage", "want"),
    [
        (MNISTConvNet(10), (28, 28, 1), "flat", (320,)),
        (CIFARConvNet(10), (32, 32, 3), "flat", (1024,)),
        (SignalHead(0), (125, 128, 1), "flat", (1024,)),
        (MNISTInception(10), (28, 28, 1), "stage2", (4, 4, 88)),
        (MNISTInception(10), (28, 28, 1), "flat", (1408,)),
        (MNISTResidual(10), (28, 28, 1), "flat", (512,)),
        (LeNet1998(10), (28, 28, 1), "flat", (120,)),
        (FlatConvNet(0, (20, 20), (5, 5), (0, 0)), (28, 28, 1), "stage2", (20, 20, 20)),
    ],
)
def test_sizes_of_the_notes(model, shape, stage, want):
    shapes = stage_shapes(model, shape)
    assert shapes[stage] == want
    assert ("logits" in shapes) == bool(model.num_classes)


@pytest.mark.parametrize("model", [DeepConvNet(3, (4,), (1,), dropout=0.5), SignalHead(3)])
def test_dropout_acts_in_training_alone(model):
    shape = (30, 32, 1)
    variables, x = random_variables(model, shape), images(shape)
    apply = quick_jit(model.apply, static_argnames="train")
    rngs = [{"dropout": jax.random.key(seed)} for seed in (0, 1)]
    first, second = (apply(variables, x, train=True, rngs=rng) for rng in rngs)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_array_equal(
        apply(variables, x, train=False), apply(variables, x, train=False)
    )


@pytest.mark.parametrize(
    ("options", "side"), [({"pool": "max"}, 5), ({"pool": "fractional", "pool_ratio": 1.25}, 8)]
)
def test_deep_convnet_pools_by_name(options, side):
    model = create_model("deep_convnet", 3, filters=(4,), pools=(1,), **options)
    assert stage_shapes(model, (10, 10, 1))["stage1"] == (side, side, 4)
    with pytest.raises(ValueError, match="pool must be one of max, fractional, got 'mean'"):
        stage_shapes(create_model("deep_convnet", 3, pool="mean"), (32, 32, 1))


@pytest.mark.parametrize(("act", "weight_init"), [("tanh", "zeros"), ("maxout", "normal")])
def test_deep_convnet_starts_and_bends_by_name(act, weight_init):
    model = create_model(
        "deep_convnet", 3, filters=(4,), pools=(), act=act, weight_init=weight_init
    )
    x = jnp.ones((1, 4, 4, 1))
    variables = model.init(jax.random.key(0), x, train=False)
    kernel = variables["params"]["conv1"]["kernel"]
    assert kernel.shape[-1] == (8 if act == "maxout" else 4)
    assert np.any(kernel) == (weight_init == "normal")
    assert np.abs(kernel).max() < 0.1
