"""A run's page against the files it was made of."""

import json

import pytest

from jaxdl.runs.run_page import MOST, measured, write_run_page
from tests.test_html_page import Read

REPORT = {
    "name": "digits_<b>",
    "command": "jaxdl run digits_lenet --loop.steps 20",
    "experiment": "classification.train",
    "config": {"data": {"name": "digits"}},
    "metrics": {"test_accuracy": 0.98765, "val_accuracy": 0.5, "train_loss": 0.25, "bricks": 3.0},
    "seconds": {"total": 12.34},
    "steps": 1200,
    "devices": 1,
    "device": "cpu: cpu",
    "notes": {"train": ["3 rows were left out"]},
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    (tmp_path / "config.toml").write_text("seed = 7\n[optim]\nlr = 0.125\n")
    (tmp_path / "environment.json").write_text('{"cores": 2}')
    for name in ("mistakes.png", "curves.png", "new/a.gif", "checkpoints/no.png", "events/no.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_page_has_what_the_run_was_and_measured(folder):
    text = write_run_page(folder).read_text()
    read = Read(text)
    said = " ".join(read.texts)
    for part in ("digits_<b>", "--loop.steps 20", "data: digits", "1,200 steps", "12.3 s on 1 x"):
        assert part in said
    for part in ("train: 3 rows were left out", "0.9877", "optim.lr", "0.125", '"cores": 2'):
        assert part in said
    assert "no.png" not in said
    assert "http" not in text  # nothing is fetched


def test_pictures_stand_in_it_curves_first_and_beyond_a_size_as_links(folder):
    names = [a["alt"] for tag, a in Read(write_run_page(folder).read_text()).tags if tag == "img"]
    assert names == ["curves", "mistakes", "a"]
    (folder / "large.png").write_bytes(bytes(MOST))
    read = Read(write_run_page(folder).read_text())
    assert "large" not in [a["alt"] for tag, a in read.tags if tag == "img"]
    assert ("a", {"href": "large.png"}) in read.tags
    size = (folder / "report.html").stat().st_size
    write_run_page(folder)  # the page of before is none of its pictures
    assert (folder / "report.html").stat().st_size == size


def test_numbers_stand_by_split():
    assert measured(REPORT["metrics"]) == [
        ["accuracy", "", "0.5", "0.9877"],
        ["loss", "0.25", "", ""],
        ["bricks", "", "", "3"],
    ]
