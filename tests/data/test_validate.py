"""A scan names every bad row with its index; the command exits 6 when there is one."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.cli import main
from jaxdl.data.source import ArraySource, Dataset, Source
from jaxdl.data.validate import Fault, Scan, report_scan, scan_split


def faults(rows, **options):
    opened = Dataset({"train": rows}, **options)
    return [(fault.row, fault.why) for fault in scan_split(opened, "train")]


class ListedRows(list, Source):
    """A list of rows as a source."""


def picture(**more):
    return {"image": np.zeros((10, 20, 3), np.uint8), **more}


def test_labels_out_of_range_and_numbers_that_are_not_finite():
    label = np.array([0, 3, -1, 2])
    x = np.array([0, 1, np.nan, 2], np.float32)
    got = faults(ArraySource({"x": x, "label": label}), classes=("a", "b", "c"))
    assert got == [
        ("1", "label 3 is not in 0..2"),
        ("2", "label -1 is not in 0..2"),
        ("2", "x has a number that is not finite"),
    ]
    (fault,) = faults(ArraySource({"label": np.array([0.5])}), classes=("a", "b"))
    assert "not a whole number" in fault[1]


def test_boxes_outside_or_without_area_and_their_labels():
    def row(box, label=0, kept=True):
        return picture(boxes=np.float32([box]), labels=np.array([label]), kept=np.array([kept]))

    rows = ListedRows([
        row([1, 1, 5, 5]),
        row([1, 1, 1, 5]),
        row([30, 1, 40, 5]),
        row([0, 0, 0, 0], kept=False),
        row([1, 1, 5, 5], label=2),
    ])  # fmt: skip
    got = faults(rows, classes=("a", "b"))
    assert [number for number, _ in got] == ["1", "2", "4"]
    for (_, why), word in zip(got, ("no area", "outside", "label 2"), strict=True):
        assert word in why


def test_masks_without_a_pixel_and_keypoints_outside():
    row = picture(
        boxes=np.float32([[1, 1, 5, 5], [2, 2, 8, 8], [0, 0, 0, 0]]),
        labels=np.zeros(3, int),
        kept=np.array([True, True, False]),
        masks=np.zeros((3, 10, 20), bool),
        points=np.float32([[[3, 3], [21, 5]], [[20, 10], [-1, 0]], [[-9, 9], [0, 0]]]),
        visible=np.array([[True, True], [True, False], [True, True]]),
    )
    row["masks"][1, 4, 4] = True
    assert faults(ListedRows([row]), classes=("a",)) == [
        ("0", "the mask of object 0 has no pixel at 10x20"),
        ("0", "keypoint 1 of object 0 lies outside the image"),
    ]


def test_empty_captions():
    captions = np.array([[1, 7, 2, 0], [1, 2, 0, 0], [0, 0, 0, 0]])
    rows = ListedRows([picture(captions=captions, kept=np.array([True, True, False]))])
    assert faults(rows, vocabulary=("",) * 9) == [("0", "caption 1 is empty")]


def run(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        main(argv=[str(word) for word in argv])
    return stop.value.code, capsys.readouterr()


def test_unreadable_images_are_all_named(tmp_path, capsys):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.effect_noise((40, 40), 50).convert("RGB").save(tmp_path / name / f"{i}.png")
    code, out = run(capsys, "check-data", "folder", "--path", tmp_path, "--image_size", "16")
    assert code == 0, out.err
    assert "nothing is wrong in 8 rows" in out.out
    for name in ("ant/1.png", "bee/3.png"):  # the head and the tail stay
        content = bytearray((tmp_path / name).read_bytes())
        content[200:900] = b"\0" * 700
        (tmp_path / name).write_bytes(content)
    code, out = run(capsys, "check-data", "folder", "--path", tmp_path, "--image_size", "16")
    assert code == 6
    assert "row 1 (ant/1.png)" in out.out
    assert "row 7 (bee/3.png)" in out.out
    assert "2 faults in 8 rows" in out.out


def test_prepared_boxes_that_are_wrong_are_named(tmp_path, capsys):
    Image.new("RGB", (40, 20)).save(tmp_path / "1.png")
    boxes = [[4, 2, 10, 10]] * 300 + [[4, 2, 0, 10]]
    content = {
        "images": [{"id": i, "file_name": "1.png", "height": 20, "width": 40} for i in range(301)],
        "categories": [{"id": 7, "name": "ant"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 7, "bbox": box} for i, box in enumerate(boxes)
        ],
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    path = tmp_path / "c.json"
    code, out = run(capsys, "check-data", "coco_json", "--path", path, "--image_size", "16")
    assert code == 6
    assert (
        "row image 300 (1.png), annotations[300]: box [4.0, 2.0, 4.0, 12.0] has no area" in out.out
    )


def test_show_draws_boxes_and_says_synthetic(tmp_path, capsys):
    out = tmp_path / "s.png"
    code, said = run(capsys, "show", "data", "shapes", "--synthetic_rows", 70, "--out", out)
    assert code == 0, said.err
    assert "synthetic colored shapes" in said.out
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize(("count", "said"), [(0, "nothing is"), (1, "1 fault in"), (2, "2 faults")])
def test_the_sum_counts_in_words(count, said):
    scan = Scan([Fault("train", "0", "odd")] * count, {"train": 3}, {})
    assert f"set: {said}" in report_scan("set", scan)
