"""A detector of one's own boxes on a made weight file: what is the file's, and what stays so."""

import json

import flax.traverse_util
import jax
import numpy as np
import pytest
from PIL import Image

from jaxdl.catalog import find_config
from jaxdl.cli import main
from jaxdl.config import read_toml
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.experiment import read_config
from jaxdl.runs.checkpoint import Checkpoints
from tests.experiments.made_weights import MODEL_FLAGS, make_weights

FLAGS = [
    *MODEL_FLAGS,
    *("--data.image_size", "32", "--data.batch_size", "4", "--head.features", "4"),
    *("--loop.steps", "2", "--loop.devices", "1"),
]


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    """Those of a weight file `mobilenet_v2` of three classes; but for stage 2 norms are folded."""
    drawn = make_weights(tmp_path / "weights")
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path / "weights"))
    return {k: v for k, v in drawn.items() if "/head/" not in k}


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures with boxes, as labelImg leaves them: all in one folder."""
    rows = Shapes(12, image_size=(40, 40)).rows(np.arange(12))
    folder = tmp_path / "photos"
    folder.mkdir()
    for r in range(12):
        Image.fromarray(rows["image"][r]).save(folder / f"{r}.png")
        objects = "".join(
            f"<object><name>{Shapes.classes[rows['labels'][r, n]]}</name><bndbox><xmin>{x1}</xmin>"
            f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for n in np.flatnonzero(rows["kept"][r])
            for x1, y1, x2, y2 in [rows["boxes"][r, n].astype(int).tolist()]
        )
        (folder / f"{r}.xml").write_text(f"<annotation>{objects}</annotation>")
    return folder


def backbone(state):
    """Path -> array of the backbone, as a weight file names them."""
    flat = flax.traverse_util.flatten_dict({"params": state.params, **state.extra}, sep="/")
    return {k.replace("/backbone", ""): np.asarray(v) for k, v in flat.items() if "/backbone/" in k}


def test_a_detector_of_ones_own_boxes_starts_from_the_file(arrays, photos, tmp_path, capsys):
    run = tmp_path / "run"
    flags = ["--data.path", str(photos), *FLAGS, "--freeze", "backbone/stem/*"]
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", "own_detector", *flags, "--run-dir", str(run)])
    assert stop.value.code == 0, capsys.readouterr().err
    assert "test_map50" in json.loads((run / "report.json").read_text())["metrics"]
    table = read_toml(run / "config.toml")
    assert (table["model"]["padding"], table["image"]["mean"]) == ("same", [0.1] * 3)
    experiment, cfg = read_config(find_config("own_detector"), flags)
    task = experiment.builder("test")(cfg)
    assert {role: s.size for role, s in task.splits.items()} == {"train": 9, "val": 1, "test": 2}
    first = jax.jit(task.init)(jax.random.key(0))
    last = Checkpoints(run / "checkpoints").restore(first)[0]
    got = backbone(last)
    assert arrays.keys() == got.keys()
    for name, value in backbone(first).items():
        np.testing.assert_array_equal(value, arrays[name], err_msg=name)
    for name, value in arrays.items():
        folded = "/norm/" in name and "stage2" not in name
        assert (got[name] == value).all() == (folded or "stem" in name), name
    assert not np.array_equal(last.params["out"]["kernel"], first.params["out"]["kernel"])


def test_without_the_file_that_is_said_and_all_is_trained(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    experiment, cfg = read_config(find_config("own_detector"), ["--data.path", str(photos)])
    cfg = experiment.resolved(cfg)
    assert (cfg.model.weights, cfg.freeze) == ("", ())
    said = capsys.readouterr().err
    assert "weights mobilenet_v2: not on this machine, so training starts from scratch" in said
    assert "torch.save" in said
