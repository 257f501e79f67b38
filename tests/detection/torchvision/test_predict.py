"""`jaxdl predict --model` with a thin detector's file: what is said and drawn, what is refused."""

import dataclasses
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.commands import predict
from jaxdl.detection.dense.fcos import FCOS
from jaxdl.detection.torchvision.coco_names import COCO_NAMES
from jaxdl.detection.torchvision.load import load_detector
from jaxdl.detection.torchvision.pictures import DetectorPictures
from jaxdl.detection.torchvision.registry import DETECTORS
from jaxdl.layers.norm.group_norm import GroupNorm
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.weights.weight_file import write_safetensors
from jaxdl.models.weights.weight_rules import to_torch
from tests.commands.asking import ask

NAME = "fcos_resnet50_fpn"


def build(num_classes):
    norm = partial(GroupNorm, groups=2)
    body = ResNet(0, (1, 1, 1, 1), width=4)
    return FCOS(body, num_classes, features=4, depth=1, norm=norm)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of weights that see a cat everywhere, and two pictures."""
    model, folder = build(91), tmp_path_factory.mktemp("thin")
    x = jnp.zeros((1, 64, 64, 3))
    variables = jax.jit(partial(model.init, train=False))(jax.random.key(0), x)
    params = variables["params"]
    sure = params["classes"]["bias"].at[COCO_NAMES.index("cat")].set(3.0)
    params["classes"]["bias"], params["center"]["bias"] = sure, jnp.full(1, 3.0)
    arrays = to_torch(DETECTORS[NAME].rules(model), jax.tree.map(np.asarray, variables))
    write_safetensors(folder / "cats.safetensors", arrays)
    write_safetensors(folder / "part.safetensors", dict(list(arrays.items())[3:]))
    write_safetensors(folder / "other.safetensors", {"fc.bias": np.zeros(3, np.float32)})
    for name, size in (("wide", (60, 40)), ("high", (40, 60))):
        Image.effect_noise(size, 90).convert("RGB").save(folder / f"{name}.png")
    return folder


@pytest.fixture
def _thin(monkeypatch):
    small = DetectorPictures(shorter=64, longer=96)
    thin = dataclasses.replace(DETECTORS[NAME], build=build, pictures=small)
    monkeypatch.setitem(DETECTORS, NAME, thin)


def test_names_are_torchvisions(torchvision):
    from torchvision.models._meta import _COCO_CATEGORIES

    assert list(COCO_NAMES) == _COCO_CATEGORIES


@pytest.mark.usefixtures("_thin")
def test_predict_says_and_draws_what_a_detector_finds(folder, tmp_path, capsys):
    given = ["--model", NAME, "--weights", folder / "cats.safetensors", "--out", tmp_path]
    assert ask(predict, folder / "wide.png", *given) == 0
    out = capsys.readouterr().out
    assert f"{NAME}, 91 classes; pictures: shorter side 64" in out
    found = re.findall(r"cat (\d+)% at (\d+), (\d+), (\d+), (\d+)", out)
    assert len(found) > 2
    assert f"{len(found)} objects of 30% or more" in out
    for _, x1, y1, x2, y2 in found:  # in the picture's own pixels
        assert 0 <= int(x1) <= int(x2) <= 60
        assert 0 <= int(y1) <= int(y2) <= 40
    with Image.open(tmp_path / "0_wide.png") as picture:
        assert min(picture.size) > 100


@pytest.mark.usefixtures("_thin")
def test_files_that_are_no_such_detectors_are_refused(folder):
    with pytest.raises(CheckpointError, match=r"not those of torchvision's fcos.*cls_logits.bias"):
        load_detector(folder / "other.safetensors", NAME)
    with pytest.raises(CheckpointError, match=r"part.*as torchvision's fcos.*\n.*missing"):
        load_detector(folder / "part.safetensors", NAME)


def test_a_name_that_there_is_not_gets_near_ones(folder):
    given = ["--model", "fcos_resnet50", "--weights", folder / "cats.safetensors"]
    with pytest.raises(UsageError, match="did you mean .*fcos_resnet50_fpn"):
        ask(predict, folder / "wide.png", *given)


@pytest.mark.parametrize(("counted", "eps"), [(False, {}), (True, {"eps": 1e-5})])
def test_the_norms_of_a_file_that_counts_batches_are_not_frozen(
    tmp_path, monkeypatch, counted, eps
):
    """Published files have eps 0; those of a training from the start have torch's 1e-5."""
    name, given = "retinanet_resnet50_fpn", []

    def note(num_classes, **options):
        given.append((num_classes, options))
        raise LookupError

    monkeypatch.setitem(DETECTORS, name, dataclasses.replace(DETECTORS[name], build=note))
    arrays = {DETECTORS[name].class_bias: np.zeros(9 * 7, np.float32)}
    if counted:
        arrays["backbone.body.bn1.num_batches_tracked"] = np.zeros((), np.int64)
    write_safetensors(tmp_path / "some.safetensors", arrays)
    with pytest.raises(LookupError):
        load_detector(tmp_path / "some.safetensors", name)
    assert given == [(7, eps)]
