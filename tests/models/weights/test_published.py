"""Files: there and back, and what happens to the broken ones."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.models.weights.known_files import facts_of
from jaxdl.models.weights.preprocessing import Preprocessing, published_preprocessing
from jaxdl.models.weights.published import (
    export_weights,
    import_weights,
    load_weights,
    save_weights,
)
from jaxdl.models.weights.weight_file import (
    read_metadata,
    read_weights,
    write_pickle,
    write_safetensors,
)
from tests.models.weights.twins import (
    CLASSES,
    arrays_of,
    images,
    quick_jit,
    randomize,
    torch_logits,
)

THIN = {"blocks": (1, 1), "width": 64}


@pytest.fixture(scope="module")
def twin(torchvision):
    from torch import nn

    lib = torchvision.models.resnet
    made = lib.ResNet(lib.BasicBlock, [1, 1, 1, 1], CLASSES)
    made.layer3 = made.layer4 = nn.Identity()
    made.fc = nn.Linear(128, CLASSES)
    return randomize(made)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_torch_file_becomes_ours_and_the_same_file_again(twin, tmp_path, ending):
    import safetensors.torch
    import torch

    given, ours, back = (
        tmp_path / name for name in (f"in.{ending}", "ours.safetensors", f"out.{ending}")
    )
    if ending == "pth":
        torch.save(twin.state_dict(), given)
    else:
        safetensors.torch.save_file(twin.state_dict(), given)
    save_weights(ours, import_weights(given, "resnet18", **THIN))
    weights = load_weights(ours)
    assert (weights.num_classes, weights.source, weights.options) == (CLASSES, "torchvision", THIN)
    assert weights.preprocessing == Preprocessing()
    x = images(33)
    got = quick_jit(lambda v, x: weights.model().apply(v, x, train=False))(weights.variables, x)
    want = torch_logits(twin.eval(), x)["logits"].detach().numpy()
    np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())
    export_weights(back, weights)
    if ending == "pth":
        state = torch.load(back, weights_only=True)
    else:
        state = safetensors.torch.load_file(back)
    twin.load_state_dict(state)  # every name, none left over
    for name, value in arrays_of(twin).items():
        np.testing.assert_array_equal(state[name].numpy(), value, strict=True, err_msg=name)
    again = tmp_path / "again"
    save_weights(again, load_weights(ours))
    assert again.read_bytes() == ours.read_bytes()
    assert facts_of(back) == dataclasses.replace(
        facts_of(ours), names="torchvision", sha256=hashlib.sha256(back.read_bytes()).hexdigest()
    )
    with pytest.raises(UsageError, match="is a file of jaxdl already"):
        import_weights(ours, "resnet18")


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_what_training_scripts_wrap_around_the_weights(twin, tmp_path, ending):
    import safetensors.torch
    import torch

    state = twin.state_dict()
    averages = {name: value + 1 for name, value in state.items() if value.ndim}
    parts = {"model": {f"module.{k}": v for k, v in state.items()}, "model_ema": averages}
    path = str(tmp_path / f"file.{ending}")
    if ending == "pth":
        torch.save({**parts, "epoch": 3}, path)
    else:
        flat = {f"{part}.{k}": v for part, names in parts.items() for k, v in names.items()}
        safetensors.torch.save_file(flat, path)
    weights = import_weights(path, "resnet18", **THIN)
    assert weights.said[0].startswith(f"taken: {len(state)} arrays of model, not the")
    bias = state["fc.bias"].numpy()
    np.testing.assert_array_equal(weights.variables["params"]["head"]["bias"], bias)
    weights = import_weights(path, "resnet18", part="model_ema", **THIN)
    np.testing.assert_array_equal(weights.variables["params"]["head"]["bias"], bias + 1)


def test_a_classifier_is_left_out_on_demand_or_where_there_is_none(twin, tmp_path):
    arrays = arrays_of(twin)
    trunk = {name: value for name, value in arrays.items() if not name.startswith("fc.")}
    write_safetensors(tmp_path / "whole.safetensors", arrays)
    write_safetensors(tmp_path / "trunk.safetensors", trunk)
    cut = import_weights(tmp_path / "whole.safetensors", "resnet18", num_classes=0, **THIN)
    without = import_weights(tmp_path / "trunk.safetensors", "resnet18", **THIN)
    assert cut.said == ("the classifier is left out",)
    assert without.said == ("there is no classifier in the file",)
    for weights in (cut, without):
        assert weights.num_classes == 0
        assert "head" not in weights.variables["params"]
        save_weights(tmp_path / "ours.safetensors", weights)
        assert load_weights(tmp_path / "ours.safetensors").num_classes == 0
    with pytest.raises(CheckpointError, match=r"missing +fc\.weight \(7, 128\)"):
        import_weights(tmp_path / "trunk.safetensors", "resnet18", num_classes=7, **THIN)


def test_tensors_that_require_gradients_are_arrays_too(twin, tmp_path):
    parameters = dict(twin.named_parameters())
    assert all(value.requires_grad for value in parameters.values())
    for write in (write_safetensors, write_pickle):
        path = tmp_path / ("a.pth" if write is write_pickle else "a.safetensors")
        write(path, parameters)
        np.testing.assert_array_equal(
            read_weights(path)["fc.bias"], parameters["fc.bias"].detach().numpy()
        )


def test_preprocessing_takes_pictures_of_pillow():
    change = Preprocessing(24, 32)
    want = change([PHOTO])
    np.testing.assert_array_equal(change([Image.fromarray(PHOTO)]), want)
    np.testing.assert_array_equal(change([Image.fromarray(PHOTO).convert("RGBA")]), want)
    assert change([Image.fromarray(PHOTO).convert("L")]).shape == (1, 24, 24, 3)


class Harmful:
    def __reduce__(self):
        return print, ("code ran",)


def broken_files(folder, state):
    import pickle

    import torch

    whole = folder / "whole.pth"
    torch.save(state, whole)
    write_safetensors(folder / "whole.safetensors", {n: v.numpy() for n, v in state.items()})
    (folder / "cut.pth").write_bytes(whole.read_bytes()[:-500])
    (folder / "cut.safetensors").write_bytes((folder / "whole.safetensors").read_bytes()[:-1])
    (folder / "page.safetensors").write_text("<html>404</html>")
    (folder / "page.pth").write_text("<html>404</html>")
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "code.pth").write_bytes(pickle.dumps(Harmful()))
    torch.save({"fc.weight": Harmful()}, folder / "code2.pth")
    torch.save([1, 2], folder / "list.pth")
    torch.save({"epoch": 3}, folder / "other.pth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut.pth", "damaged, or no .pth file"),
        ("cut.safetensors", "damaged, or no .safetensors file"),
        ("page.safetensors", "damaged, or no .safetensors file"),
        ("page.pth", "it holds more than arrays, or no weights at all"),
        ("empty.safetensors", "damaged, or no .safetensors file"),
        ("code.pth", "would run its code"),
        ("code2.pth", "would run its code"),
        ("list.pth", "missing +conv1.weight"),
        ("other.pth", "missing +conv1.weight"),
        ("absent.pth", "there is no such file"),
    ],
)
def test_a_broken_file_is_one_clear_message(twin, tmp_path, name, message, capsys):
    broken_files(tmp_path, twin.state_dict())
    with pytest.raises(CheckpointError, match=message) as error:
        import_weights(tmp_path / name, "resnet18", **THIN)
    assert str(tmp_path / name) in str(error.value)
    assert "code ran" not in capsys.readouterr().out


def test_the_file_of_another_model_names_what_differs(twin, tmp_path):
    write_safetensors(tmp_path / "a.safetensors", arrays_of(twin))
    with pytest.raises(CheckpointError, match=r"missing +layer2\.1\.conv1\.weight"):
        import_weights(tmp_path / "a.safetensors", "resnet18", blocks=(1, 2))
    with pytest.raises(CheckpointError, match=r"missing +features\.0\.weight"):
        import_weights(tmp_path / "a.safetensors", "vgg16")


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_narrower_floats_are_widened_and_wider_ones_cast_only_when_asked(twin, tmp_path, kind):
    import torch

    state = {k: v.to(getattr(torch, kind)) for k, v in twin.state_dict().items() if v.ndim}
    torch.save(state, tmp_path / "a.pth")
    write_safetensors(tmp_path / "a.safetensors", read_weights(tmp_path / "a.pth"))
    for file in (tmp_path / "a.pth", tmp_path / "a.safetensors"):
        if kind == "float64":
            with pytest.raises(CheckpointError, match=f"conv1.weight: must be float32, got {kind}"):
                import_weights(file, "resnet18", **THIN)
        weights = import_weights(file, "resnet18", cast=kind == "float64", **THIN)
        got = weights.variables["params"]["head"]
        np.testing.assert_array_equal(got["bias"], state["fc.bias"].float().numpy())
        widened = f"{len(state)} of {len(state)} arrays widened from {kind} to float32"
        assert weights.said == (() if kind == "float64" else (widened,))


def test_our_own_file_is_checked_against_its_model(twin, tmp_path):
    write_pickle(tmp_path / "a.pth", arrays_of(twin))
    weights = import_weights(tmp_path / "a.pth", "resnet18", change={"size": 96}, **THIN)
    assert weights.preprocessing == Preprocessing(size=96)
    file = tmp_path / "ours.safetensors"
    save_weights(file, dataclasses.replace(weights, num_classes=3))
    with pytest.raises(
        CheckpointError, match=r"does not fit resnet18(.|\n)*head/bias float32\(3,\)"
    ):
        load_weights(file)
    facts = json.loads(read_metadata(file)["jaxdl"])
    assert facts["preprocessing"]["size"] == 96
    with pytest.raises(CheckpointError, match="not a weight file of jaxdl; make one"):
        load_weights(tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="there is no such file"):
        load_weights(tmp_path / "absent")


def test_a_folder_that_cannot_be_written(twin, tmp_path):
    with pytest.raises(CheckpointError, match="cannot be written .No such file or directory"):
        write_safetensors(tmp_path / "absent" / "a.safetensors", {"a": np.zeros(2)})
    assert not list(tmp_path.iterdir())


PHOTO = np.random.default_rng(0).integers(0, 256, (60, 83, 3), dtype=np.uint8)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "resize"), [(24, 32), (40, 40)])
def test_preprocessing_is_torchvisions(torchvision, interpolation, size, resize):
    presets = torchvision.transforms._presets
    mode = torchvision.transforms.InterpolationMode(interpolation)
    theirs = presets.ImageClassification(crop_size=size, resize_size=resize, interpolation=mode)
    want = theirs(Image.fromarray(PHOTO)).numpy().transpose(1, 2, 0)
    got = Preprocessing(size, resize, interpolation=interpolation)([PHOTO, PHOTO[:, ::-1]])
    assert got.shape == (2, size, size, 3)
    np.testing.assert_allclose(got[0], want, atol=1e-6)


PUBLISHED = (
    "alexnet", "vgg16", "squeezenet1_1", "resnet50", "densenet121", "mobilenet_v2",
    "mobilenet_v3_small", "convnext_tiny", "convnext_small", "convnext_base", "swin_t",
)  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_preprocessing_is_that_of_torchvisions_weights(torchvision, name):
    published = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].transforms()
    ours = published_preprocessing("torchvision", name)
    assert [ours.size] == published.crop_size
    assert [ours.resize] == published.resize_size
    assert [list(ours.mean), list(ours.std)] == [published.mean, published.std]
    assert ours.interpolation == published.interpolation.value


def test_googlenets_preprocessing_holds_the_change_that_torchvision_makes_inside(torchvision):
    import torch

    model = torchvision.models.GoogLeNet(3, False, True, False)
    x = torch.rand(1, 3, 4, 4)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    want = model._transform_input((x - mean) / std)
    ours = published_preprocessing("torchvision", "googlenet")
    mean, std = (torch.tensor(v)[:, None, None] for v in (ours.mean, ours.std))
    np.testing.assert_allclose((x - mean) / std, want, atol=1e-6)


def test_wrong_preprocessing():
    with pytest.raises(UsageError, match="interpolation must be one of bilinear, bicubic"):
        Preprocessing(interpolation="nearest")
    with pytest.raises(UsageError, match="needs 0 < size <= resize"):
        Preprocessing(size=300)
