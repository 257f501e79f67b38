"""One's own masks from the folder to what is drawn of one's own pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.cli import main
from jaxdl.data.masks.label_map import read_label_map
from jaxdl.data.synthetic.shapes import Shapes
from tests.data.masks.made_masks import SIZE, write_pairs

NAMES = ("ground", *Shapes.classes)
FLAGS = [
    *("--model.name", "deep_convnet", "--model.weights", "", "--model.filters", "4", "4"),
    *("--model.pools", "1", "2", "--head.stages", "stage1", "stage2", "--head.features", "4"),
    *("--data.image_size", "32", "--data.batch_size", "4", "--loop.devices", "1"),
    *("--loop.steps", "2", "--loop.log_every", "1", "--loop.eval_every", "2"),
    *("--loop.save_every", "2", "--data.class_names", *NAMES),
]


def ask(*words, code=0):
    with pytest.raises(SystemExit) as stop:
        main(argv=[str(word) for word in words])
    assert stop.value.code == code


def test_from_a_folder_of_masks_to_ones_own_pictures(tmp_path, capsys):
    folder, run = tmp_path / "mine", tmp_path / "run"
    rows = write_pairs(folder, 12)
    ask("run", "own_masks", "--data.path", folder, *FLAGS, "--run-dir", run)
    report = json.loads((run / "report.json").read_text())
    assert "test_mean_iou" in report["metrics"]
    file = tmp_path / "photo.png"
    Image.fromarray(rows["image"][0]).save(file)
    capsys.readouterr()
    ask("predict", run, file)
    said = capsys.readouterr().out
    assert said.startswith(f"{file}: ")
    assert any(name in said for name in NAMES)
    found = read_label_map(run / "predicted" / "0_photo_classes.png")
    assert found.shape == SIZE
    assert found.max() < len(NAMES)
    ask("show", "run", run)
    assert (run / "shown" / "segments.png").is_file()
    ask("show", "data", "mask_folder", "--path", folder, "--out", tmp_path / "data.png")
    said = capsys.readouterr().out
    shares = np.bincount(rows["segments"].ravel()) / rows["segments"].size
    assert (tmp_path / "data.png").is_file()
    assert "segments: uint8" in said
    assert shares[0] > 0.3
    (folder / "masks" / "3.png").write_bytes(b"<html>")
    ask("check-data", "mask_folder", "--path", folder, "--class_names", *NAMES, code=6)
    assert "3.png: it is no image" in capsys.readouterr().out
