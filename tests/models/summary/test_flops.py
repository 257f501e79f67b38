"""Costs as they are published: the notes' tables, the papers', torchvision's own counts."""

import jax
import jax.numpy as jnp
import pytest

from jaxdl.models.convnets.densenet import DenseNet
from jaxdl.models.convnets.googlenet import GoogLeNetPaper
from jaxdl.models.registry import create_model, list_models
from jaxdl.models.stages import stage_shapes
from jaxdl.models.summary.table import summarize, total


def costs(name, size=224):
    return {row.path: row for row in summarize(create_model(name, 1000), (size, size, 3))}


def test_googlenets_stem_is_cheap_and_its_5x5_cheaper_behind_a_1x1():
    blocks = GoogLeNetPaper(1000).blocks[:1]
    model = GoogLeNetPaper(1000, blocks=blocks, aux=False)
    rows = {row.path: row for row in summarize(model, (224, 224, 3))}
    stem = {  # KB, thousand parameters, million multiply-adds
        "conv1/conv": ((112, 112, 64), 3136, 9, 118),
        "pool1": ((56, 56, 64), 784, 0, 0),
        "conv2/conv": ((56, 56, 64), 784, 4, 13),
        "conv3/conv": ((56, 56, 192), 2352, 111, 347),
        "pool2": ((28, 28, 192), 588, 0, 0),
    }
    for name, (shape, kilobytes, thousands, millions) in stem.items():
        row = rows[name]
        assert row.shape == shape
        assert row.activation_bytes == kilobytes * 1024
        assert round(row.parameters / 1e3) == thousands
        assert round(row.multiply_adds / 1e6) == millions
    whole = total([rows[name] for name in stem])
    assert round(whole.activation_bytes / 2**20, 1) == 7.5
    assert (round(whole.parameters / 1e3), round(whole.multiply_adds / 1e6)) == (124, 478)
    branch = [rows[f"inception3a/five{i}/conv"].multiply_adds for i in (1, 2)]
    assert sum(branch) == 12_443_648
    assert 28 * 28 * 192 * 32 * 25 == 120_422_400  # what it would cost directly


def test_vgg16_to_conv3_3():
    rows = list(costs("vgg16").values())
    names = [row.path for row in rows]
    convolutions = [r for r in rows[: names.index("conv3_3") + 1] if r.kind == "Conv"]
    head = total(convolutions)
    assert round(head.activation_bytes / 2**20, 1) == 45.9
    assert (round(head.parameters / 1e4), round(head.multiply_adds / 1e6)) == (174, 9335)
    assert names.count("conv3_3") == 1
    assert "conv1_3" not in names


RESNETS = {
    "resnet18": 1.8,
    "resnet34": 3.7,
    "resnet50_paper": 3.9,
    "resnet101_paper": 7.6,
    "resnet152_paper": 11.3,
    "resnet50": 4.1,
    "resnet101": 7.8,
    "resnet152": 11.5,
}


@pytest.mark.parametrize(
    "name",
    [n if "1" not in n[6:] else pytest.param(n, marks=pytest.mark.slow) for n in RESNETS],
)
def test_gflops_of_resnets(name):
    assert round(total(list(costs(name).values())).multiply_adds / 1e9, 1) == RESNETS[name]


QUICK = {"alexnet", "vgg16_bn", "googlenet", "resnet50", "mobilenet_v2", "vit_b_32"}


def known_models():
    marks = {name: () if name in QUICK else pytest.mark.slow for name in list_models()}
    return [pytest.param(name, marks=mark) for name, mark in marks.items()]


@pytest.mark.parametrize("name", known_models())
def test_parameters_and_multiply_adds_are_torchvisions(torchvision, name):
    torch = pytest.importorskip("torch")
    if not hasattr(torchvision.models, name):
        pytest.skip("a model that torchvision does not have")
    model = create_model(name, 1000)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 224, 224, 3)), train=False)
    )
    options = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        twin = getattr(torchvision.models, name)(**options)
    want = sum(p.numel() for p in twin.parameters())
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == want
    published = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta["_ops"]
    counted = total(summarize(model, (224, 224, 3))).multiply_adds / 1e9
    assert counted == pytest.approx(published, abs=2e-3)


def test_densenet_bc_for_small_images_has_its_published_size():
    """Table 2 of arXiv 1608.06993: 0.8 M parameters at depth 100, growth 12, ten classes."""
    model = create_model("cifar_densenet100", 10)
    assert isinstance(model, DenseNet)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 32, 32, 3)), train=False)
    )
    assert round(sum(p.size for p in jax.tree.leaves(shapes["params"])) / 1e6, 1) == 0.8


def test_mobilenet_v1_has_its_published_cost():
    """Table 4 of arXiv 1704.04861: 4.2 million parameters, 569 million multiply-adds."""
    whole = total(list(costs("mobilenet_v1").values()))
    assert (round(whole.parameters / 1e6, 1), round(whole.multiply_adds / 1e6)) == (4.2, 569)


def test_zfnet_has_the_maps_of_its_paper():
    shapes = stage_shapes(create_model("zfnet", 1000), (224, 224, 3))
    sides = [shapes[name][0] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")]
    assert sides == [110, 55, 26, 13, 13, 6]
    assert [shapes[f"conv{i}"][2] for i in (3, 4, 5)] == [512, 1024, 512]
