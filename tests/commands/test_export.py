"""`jaxdl export`: torchvision's network and jax alone give the logits of the run."""

import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.commands import export, run
from jaxdl.experiment import load_run
from jaxdl.models.weights.weight_file import read_weights
from tests.commands.asking import ask

THIN = ("--model.expansions", "1", "--model.features", "8", "--model.repeats", "1")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Runs on two classes of noise, of a thin MobileNet with either padding."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / "data" / name).mkdir(parents=True)
        for i in range(10):
            pixels = rng.integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / "data" / name / f"{i}.png")
    for padding in ("symmetric", "same"):
        words = ["--config", "own_folder", "--data.path", root / "data", "--data.image_size", "32"]
        words += ["--model.name", "mobilenet_v2", *THIN, "--model.strides", "2"]
        words += ["--model.padding", padding, "--data.batch_size", "8", "--loop.steps", "2"]
        words += ["--run-dir", root / padding]
        assert ask(run, *words) == 0
    return root


def test_a_run_is_exported_and_gives_equal_logits_in_torch(photos, tmp_path, capsys, torchvision):
    import torch

    path = tmp_path / "mine.safetensors"
    assert ask(export, photos / "symmetric", "--to", "safetensors", "--out", path) == 0
    assert capsys.readouterr().out == f"{path}: mobilenet_v2 under torchvision's names\n"
    net = torchvision.models.MobileNetV2(2, inverted_residual_setting=[[1, 8, 1, 2]])
    arrays = {name: torch.tensor(value.copy()) for name, value in read_weights(path).items()}
    net.load_state_dict(arrays)
    model, variables, prepare, classes = load_run(photos / "symmetric")
    assert classes == ("a", "b")
    pixels = np.random.default_rng(1).integers(0, 255, (3, 32, 32, 3), np.uint8)
    x = prepare(jax.random.split(jax.random.key(0), 3), {"image": pixels}, train=False)["image"]
    with torch.no_grad():
        want = net.eval()(torch.tensor(np.array(x)).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(model.apply(variables, x, train=False), want, atol=1e-5)


def test_the_name_of_a_config_stands_for_the_newest_of_its_runs(
    photos, tmp_path, monkeypatch, capsys
):
    shutil.copytree(photos / "symmetric", tmp_path / "runs/mine/20260102-030405-7")
    monkeypatch.chdir(tmp_path)
    assert ask(export, "mine", "--to", "safetensors") == 0
    assert capsys.readouterr().out == "mine.safetensors: mobilenet_v2 under torchvision's names\n"
    assert ask(export, "mine", "--to", "stablehlo") == 0
    assert "mine.stablehlo: uint8 (B, 32, 32, 3)" in capsys.readouterr().out


def test_an_export_says_where_torchs_network_differs(photos, tmp_path, capsys, torchvision):
    import torch

    assert ask(export, photos / "same", "--to", "torch", "--out", tmp_path / "mine.pth") == 0
    assert "torchvision's own network pads otherwise" in capsys.readouterr().out
    assert len(torch.load(tmp_path / "mine.pth", weights_only=True)) == len(
        torchvision.models.MobileNetV2(2, inverted_residual_setting=[[1, 8, 1, 2]]).state_dict()
    )


def test_a_program_gives_the_runs_logits_where_jaxdl_is_not(photos, tmp_path, capsys):
    """For two numbers of rows, by a process that cannot import jaxdl or flax."""
    path = tmp_path / "net.stablehlo"
    assert ask(export, photos / "same", "--to", "stablehlo", "--out", path) == 0
    out = capsys.readouterr().out
    assert f"{path}: uint8 (B, 32, 32, 3)" in out
    assert "cpu, cuda, tpu" in out
    pixels = np.random.default_rng(1).integers(0, 255, (5, 32, 32, 3), np.uint8)
    np.save(tmp_path / "rows.npy", pixels)
    code = (
        "import sys; sys.modules['jaxdl'] = sys.modules['flax'] = None\n"
        "import jax, jax.export, numpy as np\n"
        "rows = np.load('rows.npy')\n"
        "call = jax.export.deserialize(open('net.stablehlo', 'rb').read()).call\n"
        "np.savez('logits.npz', five=call(rows), two=call(rows[:2]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    model, variables, prepare, _ = load_run(photos / "same")
    x = prepare(jax.random.split(jax.random.key(0), 5), {"image": pixels}, train=False)["image"]
    want = model.apply(variables, x, train=False)
    made = np.load(tmp_path / "logits.npz")
    np.testing.assert_allclose(made["five"], want, atol=1e-5)
    np.testing.assert_allclose(made["two"], want[:2], atol=1e-5)


def test_what_cannot_be_exported_is_said(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no library has names for mlp"):
        ask(export, trained, "--to", "torch")
    with pytest.raises(UsageError, match="--source is for weights"):
        ask(export, trained, "--to", "stablehlo", "--source", "timm")
    (tmp_path / "net").write_text("mine")
    with pytest.raises(UsageError, match="net exists"):
        ask(export, trained, "--to", "stablehlo", "--out", "net")
    with pytest.raises(UsageError, match=r"jax2onnx, needs orbax.*use --to torch, load"):
        ask(export, trained, "--to", "onnx")
