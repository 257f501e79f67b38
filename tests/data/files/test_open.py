"""One's own files, written here by Pillow, NumPy and json, as splits; what is refused."""

import gzip
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxdl.catalog import find_config
from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import VARIANTS, OwnData, data_config
from jaxdl.data.files.open import OPENERS
from jaxdl.data.load import load_splits
from jaxdl.experiment import read_config

OWN = [name for name, variant in VARIANTS.items() if issubclass(variant, OwnData)]


def test_each_kind_has_an_opener():
    assert {VARIANTS[name] for name in OWN} == set(OPENERS)


def write_folder(root, size=(40, 30), counts=(6, 5)):
    for name, count in zip(("ant", "bee"), counts, strict=True):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", size, (i * 20, 0, 200)).save(root / name / f"{i}.png")


def test_own_folder_also_packed(tmp_path, monkeypatch):
    write_folder(tmp_path / "pics" / "train")
    write_folder(tmp_path / "pics" / "val", counts=(2, 1))
    shutil.make_archive(str(tmp_path / "pics"), "zip", tmp_path, "pics")
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("JAXDL_DATA_DIR", str(tmp_path))
    for path in (str(tmp_path / "pics"), "pics.zip"):
        cfg = data_config("folder", path=path, image_size=(16, 24), batch_size=4)
        splits = load_splits(cfg)
        assert splits["train"].classes == ("ant", "bee")
        assert splits["train"].example["image"].shape == (16, 24, 3)
        np.testing.assert_array_equal(splits["train"].labels, [0] * 6 + [1] * 5)
        assert (splits["test"].name, splits["test"].size) == ("val", 3)


def test_own_table_arrays_and_text(tmp_path):
    rows = [f"{i},{i * i},{'yes' if i % 2 else 'no'}" for i in range(20)]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    splits = load_splits(data_config("csv", path=str(tmp_path / "t.csv.gz"), batch_size=4))
    assert splits["train"].classes == ("no", "yes")
    assert (splits["train"].size, splits["test"].size) == (16, 4)
    assert splits["test"].labels is not None
    assert sorted(splits["test"].labels) == [0, 0, 1, 1]  # a fifth, stratified

    image = np.zeros((6, 5, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=image, y_train=np.arange(6) % 3, x_test=image[:2],
             y_test=np.zeros(2, int))  # fmt: skip
    splits = load_splits(data_config("npz", path=str(tmp_path / "a.npz"), batch_size=2))
    assert splits["train"].example["image"].shape == (5, 4, 1)
    assert (splits["train"].classes, splits["test"].size) == (("0", "1", "2"), 2)

    (tmp_path / "t.txt").write_text("abcab" * 20)
    splits = load_splits(data_config("text", path=str(tmp_path / "t.txt"), max_length=9))
    assert splits["train"].vocabulary == ("a", "b", "c")
    tokens = splits["train"].batch(np.array([0, 1]))["tokens"]
    np.testing.assert_array_equal(tokens[0, -1], tokens[1, 0])  # the target of one begins the next
    np.testing.assert_array_equal(tokens[0], [0, 1, 2, 0, 1, 0, 1, 2, 0, 1])


def test_own_coco_json(tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "1.png")
    content = {
        "images": [{"id": i, "file_name": "1.png", "height": 20, "width": 40} for i in range(5)],
        "categories": [{"id": 7, "name": "ant"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 7, "bbox": [4, 2, 10, 10]}],
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    cfg = data_config("coco_json", path=str(tmp_path / "c.json"), image_size=(20,), max_boxes=2)
    train = load_splits(cfg)["train"].batch(np.arange(4))
    (row,) = np.flatnonzero(train["kept"].any(axis=1))
    np.testing.assert_allclose(train["boxes"][row], [[2, 1, 7, 6], [0, 0, 0, 0]])


def test_own_coco_json_with_masks_and_keypoints(tmp_path):
    Image.new("RGB", (40, 20)).save(tmp_path / "1.png")
    square = [4, 2, 14, 2, 14, 12, 4, 12]
    content = {
        "images": [{"id": i, "file_name": "1.png", "height": 20, "width": 40} for i in range(5)],
        "categories": [{"id": 7, "name": "ant", "keypoints": ["head", "tail"]}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 7, "bbox": [4, 2, 10, 10],
             "segmentation": [square], "keypoints": [5, 3, 2, 0, 0, 0]}
            for i in range(5)
        ],
    }  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(content))
    base = {
        "name": "coco_json",
        "path": str(tmp_path / "c.json"),
        "image_size": (20,),
        "max_boxes": 2,
    }
    row = load_splits(data_config(**base, annotations="masks"))["train"].example
    want = np.zeros((20, 20), bool)
    want[1:6, 2:7] = True
    np.testing.assert_array_equal(row["masks"][0], want)
    assert not row["masks"][1].any()
    row = load_splits(data_config(**base, annotations="keypoints"))["train"].example
    assert "masks" not in row
    np.testing.assert_allclose(row["points"][0], [[2.75, 1.75], [0, 0]])
    np.testing.assert_array_equal(row["visible"][0], [True, False])
    with pytest.raises(UsageError, match="data.annotations.*masks"):
        load_splits(data_config(**base, annotations="pixels"))


def test_own_voc_folder_with_masks_and_segments(tmp_path):
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (tmp_path / folder).mkdir()
    numbers = np.zeros((10, 20), np.uint8)
    numbers[2:6, 4:8] = 12  # VOC's number of dog
    part = "<object><name>dog</name><bndbox><xmin>5</xmin><ymin>3</ymin><xmax>8</xmax>"
    size = "<size><width>20</width><height>10</height><depth>3</depth></size>"
    for i in range(5):
        Image.new("RGB", (20, 10)).save(tmp_path / "JPEGImages" / f"{i}.jpg")
        Image.fromarray(numbers).save(tmp_path / "SegmentationClass" / f"{i}.png")
        Image.fromarray((numbers > 0).astype(np.uint8)).save(
            tmp_path / "SegmentationObject" / f"{i}.png"
        )
        text = f"<annotation>{size}{part}<ymax>6</ymax></bndbox></object></annotation>"
        (tmp_path / "Annotations" / f"{i}.xml").write_text(text)
    base = {"name": "voc_folder", "path": str(tmp_path), "image_size": (20,), "max_boxes": 2}
    row = load_splits(data_config(**base, annotations="masks"))["train"].example
    np.testing.assert_allclose(row["boxes"][0], [4, 2, 8, 6])
    np.testing.assert_array_equal(row["masks"][0, :10], numbers > 0)
    splits = load_splits(data_config(**base, annotations="segments"))
    np.testing.assert_array_equal(splits["train"].example["segments"][:10], numbers)
    assert (splits["train"].example["segments"][10:] == 255).all()
    assert splits["train"].classes[12] == "dog"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 3, 8, 9), np.uint8), r"looks like CHW: transpose\(0, 2, 3, 1\)"),
        (np.zeros((4, 8, 8, 5), np.uint8), "1, 3 or 4 channels"),
        (np.full((4, 8, 8, 3), 200.0), r"in 200\.\.200; they lie in 0\.\.255: round, then use"),
        (np.full((4, 8, 8, 3), 0.5), "multiply by 255"),
        (np.full((4, 8, 8, 3), -1.5), "normalized already"),
        (np.zeros((4, 8, 8)), r"must be uint8 \(0\.\.255\), got float64 in 0\.\.0"),
        (np.zeros((4, 2, 8, 8, 3), np.uint8), r"must be \(N, H, W, C\), got shape \(4, 2"),
        (np.full((4, 8, 8), True), "got bool in 1..1; multiply by 255"),
        (np.full((4, 8, 8), 65535, np.uint16), "they have 16 bits: divide by 65535 / 255"),
        (np.full((4, 8, 8), 4000, np.int32), "they have 12 bits: divide by 4095 / 255"),
        (np.full((4, 8, 8), 300.0), "divide by 300 / 255"),
    ],
)
def test_pixels_in_another_form_are_told_apart(tmp_path, image, message):
    np.savez(tmp_path / "a.npz", image=image, label=np.zeros(4, int))
    with pytest.raises(DataError, match=message):
        load_splits(data_config("npz", path=str(tmp_path / "a.npz")))


@pytest.mark.parametrize("name", ["own_coco", "own_csv", "own_folder", "own_npz", "own_voc"])
def test_own_configs_train_on_nothing_that_was_not_named(name):
    with pytest.raises(UsageError, match="needs data.path"):
        load_splits(read_config(find_config(name), [])[1].data)


def test_a_folder_between_is_named(tmp_path):
    write_folder(tmp_path / "pics" / "pets")
    train = load_splits(data_config("folder", path=str(tmp_path / "pics"), image_size=(8,)))[
        "train"
    ]
    assert "pets holds ant, bee: name it in data.path?" in train.notes
    assert "there is one class, 'pets': nothing to tell apart" in train.notes


@pytest.mark.parametrize("name", [n for n in OWN if n != "omniglot_small"])  # which has a default
def test_own_data_needs_a_path_that_is_there(name, tmp_path):
    with pytest.raises(UsageError, match=f"{name} needs data.path"):
        load_splits(data_config(name))
    with pytest.raises(DataError, match="there is no .*nowhere"):
        load_splits(data_config(name, path=str(tmp_path / "nowhere")))
