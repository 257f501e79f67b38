"""A picture planted damaged, and boxes planted bad: each command that reads them says how many."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.commands import check_data, run, show
from jaxdl.data.notes import NAMED, Notes, count_left_out, doubt_alike
from tests.commands.asking import ask


@pytest.fixture
def folder(tmp_path, placement):
    """Eight pictures of each of two classes; one more, of a name of its own, that is a web page."""
    for name in ("ant", "bee"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for i in range(8):
            Image.new("RGB", (8, 8), (i * 20, 0, 200)).save(tmp_path / "pics" / name / f"{i}.png")
    (tmp_path / "pics" / "bee" / f"{placement}.jpg").write_text("<html>404</html>")
    return tmp_path / "pics"


@pytest.mark.parametrize("placement", ["device", "stream"])
def test_a_run_and_both_looks_at_the_data_say_what_was_left_out(folder, placement, capsys):
    said = f"left out 1 file: it is no image in a format that is read (bee/{placement}.jpg)"
    fields = ["--data.name", "folder", "--data.path", folder, "--data.batch_size", "4"]
    fields += ["--data.image_size", "8", "--data.placement", placement]
    small = ["--model.hidden", "4", "--loop.steps", "2", "--loop.devices", "1"]
    there = folder.parent / "run"
    assert ask(run, "--config", "digits_mlp", *fields, *small, "--run-dir", there) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert json.loads((there / "report.json").read_text())["notes"]["train"][-1] == said

    assert ask(show, "data", "folder", "--path", folder, "--out", there / "grid.png") == 0
    assert capsys.readouterr().out.count(said) == 1
    assert ask(check_data, "folder", "--path", folder) == 6
    assert f"bee/{placement}.jpg: it is no image" in capsys.readouterr().out


def test_boxes_are_counted_by_reason(tmp_path, capsys):
    Image.new("RGB", (40, 20)).save(tmp_path / "1.png")
    boxes = [[4, 2, 10, 10]] * 300 + [[4, 2, 0, 10], [4, 2, 10, -1]]
    images = [{"id": i, "file_name": "1.png", "height": 20, "width": 40} for i in range(8)]
    found = [
        {"id": i, "image_id": i % 8, "category_id": 1, "bbox": box} for i, box in enumerate(boxes)
    ]
    content = {"images": images, "categories": [{"id": 1, "name": "a"}], "annotations": found}
    (tmp_path / "c.json").write_text(json.dumps(content))
    own = ["coco_json", "--path", tmp_path / "c.json"]
    assert ask(show, "data", *own, "--out", tmp_path / "grid.png") == 0
    out = capsys.readouterr().out
    assert "left out 1 object: has no area (image 4 (1.png), annotations[300])" in out
    assert "left out 1 object: is inverted (image 5 (1.png), annotations[301])" in out
    assert ask(check_data, *own) == 6
    assert (
        "image 4 (1.png), annotations[300]: box [4.0, 2.0, 4.0, 12.0] has no area"
        in capsys.readouterr().out
    )


def test_what_was_taken_is_no_fault_but_a_doubt_is():
    notes = Notes()
    notes.taken.append("pictures of a.txt")
    for i in range(5):
        notes.leave_out(f"{i}.png", "it has no annotation")
    notes.doubts.append("b is also in test")
    assert notes.lines() == [
        "pictures of a.txt",
        "left out 5: it has no annotation (0.png, 1.png, 2.png, ...)",
        "b is also in test",
    ]
    assert count_left_out({"why": ["a"] * NAMED}, "row") == ["left out 3 rows: why (a, a, a)"]


def test_a_scan_prints_what_was_taken_and_counts_what_is_doubtful(monkeypatch, capsys):
    from jaxdl.data import validate
    from jaxdl.data.source import ArraySource, Dataset

    for more, code in (([], 0), (["b is also in test"], 6)):
        source = ArraySource({"x": np.zeros(3)})
        source.notes = Notes()
        source.notes.taken.append("rows of a.txt")
        source.notes.doubts += more
        monkeypatch.setattr(validate, "open_dataset", lambda _, s=source: Dataset({"train": s}))
        assert ask(check_data, "digits") == code
        out = capsys.readouterr().out
        assert "train: rows of a.txt\n" in out
        assert ("train: b is also in test\n" in out) == bool(more)


def test_names_of_classes_that_are_one_to_a_reader():
    assert doubt_alike(("cat", "dog", "Cats")) == []
    assert doubt_alike(("Red car", "red  car", "blue")) == [
        "classes 'Red car' and 'red  car' differ in capitals or spaces alone"
    ]
