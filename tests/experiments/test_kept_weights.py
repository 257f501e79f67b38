"""Runs that go on and are used where their weight file is gone, against runs that still have it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxdl.cli import main
from jaxdl.experiment import read_run
from tests.experiments.made_weights import MODEL_FLAGS, make_weights


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder of weights that can be taken away."""
    make_weights(tmp_path / "weights")
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "weights"


@pytest.fixture
def photos(tmp_path):
    """Eight pictures of each of two colors."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(["red", "green"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 128, (32, 32, 3), np.uint8)
            pixels[..., channel] += 100
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def jaxdl(*words):
    with pytest.raises(SystemExit) as stop:
        main(argv=list(map(str, words)))
    return stop.value.code


OWN_PHOTOS = ["--data.image_size", 32, "--data.batch_size", 4]
CAPTIONS = ["--data.name=shapes", "--data.synthetic_rows", 8, "--data.image_size", 32]
CAPTIONS += ["--data.batch_size", 4, "--decoder.width", 4, "--decoder.hidden", 4]
FLAGS = {"own_photos": OWN_PHOTOS, "coco_caption_attention_pretrained": CAPTIONS}


@pytest.mark.parametrize("config", FLAGS)
def test_a_run_needs_its_weight_file_once(config, weights, photos, tmp_path, capsys):
    """One that is taken up without the file, and without kept features, is the one with it."""
    with_file, without = tmp_path / "with", tmp_path / "without"
    words = ["run", config, *MODEL_FLAGS, *FLAGS[config], "--loop.devices", 1]
    words += ["--loop.eval_every", 2, "--loop.log_every", 1, "--data.val", 4] * (
        config != "own_photos"
    )
    words += ["--data.path", photos] * (config == "own_photos")
    assert jaxdl(*words, "--loop.steps", 2, "--run-dir", with_file) == 0
    shutil.copytree(with_file, without)
    on = [*words, "--loop.steps", 4, "--resume", "--run-dir"]
    assert jaxdl(*on, with_file) == 0
    shutil.rmtree(weights)
    shutil.rmtree(tmp_path / "cache")
    assert jaxdl(*on, without) == 0
    assert "from scratch" not in capsys.readouterr().err
    reports = [json.loads((run / "report.json").read_text()) for run in (with_file, without)]
    assert reports[0]["metrics"] == reports[1]["metrics"]
    assert reports[0]["params_sha256"] == reports[1]["params_sha256"]
    assert reports[0]["config"]["model"]["weights"] == "mobilenet_v2"
    if config == "own_photos":
        assert jaxdl("predict", without, photos / "red" / "0.png") == 0
        assert "red/0.png" in capsys.readouterr().out
        assert read_run(without, [])[1].task.model is not None  # as `jaxdl show run` has it


def test_a_run_that_cannot_begin_keeps_no_weights(weights, tmp_path):
    run = tmp_path / "run"
    nowhere = ["--data.path", tmp_path / "nowhere", *MODEL_FLAGS]
    assert jaxdl("run", "own_photos", *nowhere, "--run-dir", run) == 6
    assert not run.exists()
