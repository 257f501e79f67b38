"""`jaxdl predict` on scikit-learn's scans, enlarged; what runs of other kinds make of files."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.commands import predict, run
from jaxdl.data.digits import load_digits
from tests.commands.asking import ask

SMALL = {
    "shapes_multilabel": ("--data.synthetic_rows", "64", "--loop.steps", "1"),
    "mnist_vae": ("--data.name", "digits", "--loop.steps", "1", "--model.hidden", "4"),
    "reverse_transformer": ("--data.synthetic_rows", "128", "--loop.steps", "1"),
}


def scan(label, path):
    rows = load_digits()[0]["train"]
    place = int(np.flatnonzero(rows["label"] == label)[0])
    Image.fromarray(rows["image"][place, :, :, 0]).resize((64, 64)).save(path)


def test_predict_reads_a_persons_own_files(trained, tmp_path, capsys):
    scan(0, tmp_path / "zero.png")
    assert ask(predict, trained, tmp_path / "zero.png") == 0
    assert re.search(r"zero\.png  0 \d+\.\d%", capsys.readouterr().out)
    with Image.open(trained / "predicted" / "sheet.png") as sheet:
        assert min(sheet.size) > 150


def test_what_is_predicted_is_an_object_a_file_for_programs(trained, tmp_path, capsys):
    scan(0, tmp_path / "zero.png")
    asked = [trained, tmp_path / "zero.png", tmp_path / "gone.png", "--json"]
    assert ask(predict, *asked) == 6
    out, err = capsys.readouterr()
    (row,) = json.loads(out)
    assert row["file"] == str(tmp_path / "zero.png")
    assert {one["class"] for one in row["classes"]} == set("0123456789")
    assert sum(one["score"] for one in row["classes"]) == pytest.approx(1, abs=1e-5)
    assert "gone.png: no such file" in err


def test_the_name_of_a_config_predicts_with_the_newest_of_its_runs(
    trained, tmp_path, monkeypatch, capsys
):
    shutil.copytree(trained, tmp_path / "runs/mine/20260102-030405-7")
    monkeypatch.chdir(tmp_path)
    scan(0, tmp_path / "zero.png")
    assert ask(predict, "mine", "zero.png") == 0
    assert re.search(r"zero\.png  0 \d+\.\d%", capsys.readouterr().out)


def test_a_bad_file_is_named_and_the_others_are_predicted(trained, tmp_path, capsys):
    folder = tmp_path / "scans"
    folder.mkdir()
    scan(0, folder / "zero.png")
    scan(7, folder / "seven é.PNG")
    (folder / "no.png").write_text("<html>")
    assert ask(predict, trained, folder, tmp_path / "gone.png", "--out", tmp_path / "out") == 6
    out, err = capsys.readouterr()
    assert re.search(r"zero\.png  0 \d+", out)
    assert re.search(r"seven é\.PNG  7 \d+", out)
    assert "no.png: it is no image" in err
    assert "gone.png: no such file" in err
    assert f"sheet of pictures: {tmp_path / 'out' / 'sheet.png'}" in out


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Runs of other kinds: name -> folder."""
    root = tmp_path_factory.mktemp("kinds")
    for name, flags in SMALL.items():
        assert ask(run, "--config", name, *flags, "--run-dir", root / name) == 0
    return root


def test_each_kind_of_run_predicts_or_says_what_it_cannot(others, tmp_path, capsys):
    scan(3, tmp_path / "three.png")
    assert ask(predict, others / "shapes_multilabel", tmp_path / "three.png") == 0
    assert re.search(r"three\.png  (none above 50%|\w+ \d+)", capsys.readouterr().out)
    with pytest.raises(UsageError, match=r"generative\.autoencoder makes nothing of files"):
        ask(predict, others / "mnist_vae", tmp_path / "three.png")
    (tmp_path / "words.txt").write_text("abc\nABC\n" + "a" * 40 + "\n")
    assert ask(predict, others / "reverse_transformer", tmp_path / "words.txt") == 6
    out, err = capsys.readouterr()
    assert out.startswith("abc -> ")
    assert ask(predict, others / "reverse_transformer", tmp_path / "words.txt", "--json") == 6
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["source"], "abc -> " + row["text"]) == ("abc", out.splitlines()[0])
    assert "words.txt:2: characters that training had not: 'A', 'B', 'C'" in err
    assert "words.txt:3: needs 1 to 12 characters" in err


def test_the_folder_of_a_search_has_no_model(tmp_path):
    (tmp_path / "config.toml").write_text('experiment = "classification.train"\nseeds = 3\n')
    with pytest.raises(UsageError, match="holds runs under several seeds, and no model"):
        ask(predict, tmp_path, "a.png")
