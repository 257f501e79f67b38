"""`jaxdl explain`: a run's own files, SqueezeNet's weights written by torch's names; bad files."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.commands import explain
from jaxdl.data.digits import load_digits
from jaxdl.interpret.attribution.methods import METHODS
from tests.commands.asking import ask


@pytest.fixture
def scans(tmp_path):
    """A folder with two scans and a file that is none."""
    rows = load_digits()[0]["train"]
    folder = tmp_path / "scans"
    folder.mkdir()
    for label in (0, 7):
        place = int(np.flatnonzero(rows["label"] == label)[0])
        Image.fromarray(rows["image"][place, :, :, 0]).save(folder / f"{label}.png")
    return folder


def test_a_runs_pictures_with_a_sheet_and_arrays(trained, scans, tmp_path, capsys):
    methods = "saliency,gradcam,occlusion"
    assert ask(explain, trained, scans, "--method", methods, "--out", tmp_path) == 0
    out = capsys.readouterr().out
    assert "left out: grad_cam: no stage of MLP is a map" in out
    assert f"sheet of maps: {tmp_path / 'sheet.png'}" in out
    with np.load(tmp_path / "maps.npz") as made:
        assert made["saliency"].shape == made["occlusion"].shape == (2, 8, 8)
        assert list(made["target"]) == [0, 7]  # what a trained net says of them
        assert made["image"].shape == (2, 8, 8, 1)
        assert made["probability"].min() > 0.1
        assert np.abs(made["saliency"]).max() > 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 200
    assert ask(explain, trained, scans, "--method", "saliency", "--target", "3") == 0
    with np.load(trained / "explained" / "maps.npz") as made:
        assert list(made["target"]) == [3, 3]
    assert "(likeliest: 0" in capsys.readouterr().out


def test_a_file_that_is_no_picture_or_missing_is_named(trained, tmp_path, capsys):
    (tmp_path / "no.png").write_text("<html>")
    files = (tmp_path / "no.png", tmp_path / "gone.png")
    assert ask(explain, trained, *files, "--method", "saliency", "--out", tmp_path / "out") == 6
    out, err = capsys.readouterr()
    assert "no.png: it is no image" in err
    assert "gone.png: no such file" in err
    assert len(err.splitlines()) == 2
    assert not out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--method", "gradient"), "method: there is no 'gradient'; did you mean gradient_x_input"),
        (("--method", "gradcam"), "no stage of MLP is a map"),
        (("--method", "guided_backprop", "--target", "seven"), "target: there is no 'seven'"),
        (("--method", "saliency", "--target", "10"), "target: a class must be in 0 to 9, got 10"),
        (("--weights", "x"), "--weights needs --model"),
    ],
)
def test_what_cannot_be(trained, scans, words, says):
    with pytest.raises(UsageError, match=says):
        ask(explain, trained, scans, *words)


def test_a_run_without_files_and_methods_by_name(trained):
    with pytest.raises(UsageError, match="give pictures behind the run folder"):
        ask(explain, trained)
    assert len(METHODS) == 10
