"""COCO-json as other tools write it: what means the same gives the same rows, the rest one line."""

import copy
import json
import os

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.files.coco import read_coco
from jaxdl.data.files.coco_captions import CaptionedImages
from jaxdl.data.files.coco_schema import CocoFile, read_id
from jaxdl.data.gather import stack_rows

COUNT, SHAPE = 6, (40, 60)
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def made(tmp_path):
    """Six pictures, a red box and a blue one on each; the content of their file."""
    rng = np.random.default_rng(1)
    content = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [{"id": 1, "name": "red", "keypoints": ["a", "b"]}]
    content["categories"].append({"id": 7, "name": "blue"})
    for i in range(COUNT):
        name, pixels = f"{i:03}.png", np.full((*SHAPE, 3), 128, np.uint8)
        info = {"id": i + 1, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]}
        content["images"].append(info)
        for left, color, category in ((2, RED, 1), (32, BLUE, 7)):
            x, y = int(rng.integers(left, left + 8)), int(rng.integers(2, 12))
            pixels[y : y + 16, x : x + 14] = color
            corners = [x, y, x + 14, y, x + 14, y + 16, x, y + 16]
            own = {"image_id": i + 1, "category_id": category, "bbox": [x, y, 14, 16]}
            own |= {"segmentation": [corners], "iscrowd": i % 2}
            content["annotations"].append(own | {"keypoints": [x, y, 2, x + 1, y, 0]})
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path, content


def read(folder, content, encoding="utf-8", **options):
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / "a.json").write_bytes(text.encode(encoding))
    return read_coco(CocoFile(folder / "a.json"), folder, image_size=SHAPE, **options)


def each(name, **changes):
    """A change of every entry of a list: its fields, by functions of their old values."""

    def change(content):
        for entry in content[name]:
            entry |= {field: make(entry.get(field)) for field, make in changes.items()}

    return change


def texts(numbers):
    return [str(float(n)) for n in numbers]


def nothing(_):
    return None


SAME = {
    "as it is": lambda c: None,
    "boxes as texts": each("annotations", bbox=texts),
    "polygons as texts": each("annotations", segmentation=lambda s: [texts(s[0])]),
    "polygons as pairs": each(
        "annotations", segmentation=lambda s: [np.reshape(s[0], (-1, 2)).tolist()]
    ),
    "keypoints as texts": each("annotations", keypoints=texts),
    "image ids as texts": each("annotations", image_id=str),
    "image ids as reals": each("images", id=float),
    "category ids as texts": each("categories", id=str),
    "crowds as texts": each("annotations", iscrowd=str),
    "crowds as truths": each("annotations", iscrowd=bool),
    "sizes as texts": each("images", height=str, width=lambda w: f"{w}.0"),
    "no sizes": each("images", height=nothing, width=nothing),
    "sizes of 0": each("images", height=lambda _: 0, width=lambda _: 0),
    "another computer's files": each("images", file_name=lambda n: f"C:\\pets\\{n}"),
    "addresses": each("images", file_name=lambda n: f"https://x.y/{n}?size=1"),
    "more fields": each("images", caption=lambda _: "", license=lambda _: 3),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_means_the_same_gives_the_same_rows(made, name, encoding):
    folder, content = made
    want = stack_rows(read(folder, content, masks=True, keypoints=True))
    for row, pixels in enumerate(want["image"]):  # what is drawn, found by its color
        for n, color in enumerate((RED, BLUE)):
            y, x = np.nonzero((pixels == color).all(axis=-1))
            box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            np.testing.assert_array_equal(want["boxes"][row, n], box)
    assert want["difficult"].any(axis=1).tolist() == [False, True] * 3
    if encoding == "utf-8" or name == "as it is":
        changed = copy.deepcopy(content)
        SAME[name](changed)
        got = stack_rows(read(folder, changed, encoding, masks=True, keypoints=True))
        assert got.keys() == want.keys()
        for key, value in want.items():
            np.testing.assert_array_equal(got[key], value, err_msg=key)


@pytest.mark.parametrize("make", [lambda i: i + 2**40, lambda i: i + 2**63, lambda i: f"im{i}"])
def test_ids_that_are_no_small_numbers_become_places(made, make):
    folder, content = made
    for entry in content["images"]:
        entry["id"] = make(entry["id"])
    for entry in content["annotations"]:
        entry["image_id"] = make(entry["image_id"])
    source = read(folder, content)
    assert [row["image_id"] for row in source] == list(range(COUNT))
    assert [row["kept"].sum() for row in source] == [2] * COUNT
    assert "do not fit into 32 bits" in source.remarks()[0]


def put(name, field, value, place=3):
    """A change of one field of one entry; of all of them where `place` is None."""

    def change(content):
        for entry in content[name] if place is None else [content[name][place]]:
            entry[field] = value

    return change


def top(**changes):
    return lambda content: content.update(changes)


REFUSED = {
    "an id twice": (put("images", "id", 1), r"images\[3\]: id 1 is given twice.*'000.png'"),
    "no id": (put("images", "id", None), r"images\[3\]: id must be .*, got nothing"),
    "a list for an id": (put("images", "id", [1]), r"images\[3\]: id must be .*, got \[1\]"),
    "a truth for an id": (put("images", "id", True), r"images\[3\]: id must be .*, got true"),
    "no file": (put("images", "file_name", None), r"images\[3\]: file_name must be a text"),
    "a long name": (put("images", "file_name", "x/" * 2049), r"images\[3\]: file_name must be"),
    "a NUL": (put("images", "file_name", "a\0"), r"images\[3\]: file_name must be a text"),
    "one side": (put("images", "width", 0), r"images\[3\]: height and width must be"),
    "a word": (put("images", "width", "wide"), r"images\[3\]: height and width .* \"wide\""),
    "categories by name": (top(categories=["a"]), r"categories\[0\] must be an object .*\"a\""),
    "categories by number": (top(categories={"1": "a"}), r"no list of categories, but \{"),
    "no categories": (top(categories=None), "no list of categories, but nothing"),
    "no name": (put("categories", "name", None, 1), r"categories\[1\]: name must be a text"),
    "a category twice": (put("categories", "id", 7, 0), r"categories\[1\]: id 7 is given twice"),
    "joints": (put("categories", "keypoints", 5, 0), r"categories\[0\]: keypoints must be a list"),
    "no annotations": (top(annotations=None), "no list of annotations, but nothing"),
    "a list of lists": (top(annotations=[[]]), r"annotations\[0\] must be an object"),
    "a stranger": (put("annotations", "image_id", 99), r"annotations\[3\]: there is no image 99"),
    "no image": (put("annotations", "image_id", None), r"annotations\[3\]: image_id must be"),
    "a class": (put("annotations", "category_id", 9), r"annotations\[3\]: there is no category 9"),
    "null": (put("annotations", "bbox", None), r"annotations\[3\]: its bbox .*got nothing"),
    "empty": (put("annotations", "bbox", []), r"annotations\[3\]: its bbox must be 4 numbers"),
    "a gap": (put("annotations", "bbox", ["", 1, 2, 3]), r"annotations\[3\]: its bbox must be 4"),
    "nested": (put("annotations", "bbox", [[1]] * 4), r"annotations\[3\]: its bbox must be 4"),
    "huge": (put("annotations", "bbox", [10**400] * 4), r"annotations\[3\]: its bbox must be"),
    "a crowd": (put("annotations", "iscrowd", "maybe"), r"annotations\[3\]: its iscrowd must be"),
    "no polygon": (put("annotations", "segmentation", []), r"annotations\[3\]: its segmentation"),
    "no runs": (put("annotations", "segmentation", {"size": [40, 60]}), "counts must be a text"),
    "no size": (put("annotations", "segmentation", {"counts": [2400]}), "its size is nothing"),
    "odd": (put("annotations", "segmentation", [[1, 2, 3, 4, 5, 6, 7]]), "got 7 numbers"),
    "a box": (put("annotations", "segmentation", [[1, 2, 3, 4]]), "pairs, got 4 numbers"),
    "bytes": (put("annotations", "segmentation", {"size": [40, 60], "counts": "b'"}), "character"),
    "points": (put("annotations", "keypoints", [1, 2]), r"its keypoints must be 6 numbers"),
    "no points": (put("annotations", "keypoints", [0] * 6, None), "no annotation has a labeled"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_one_line_with_file_entry_and_field(made, name):
    folder, content = made
    change, words = REFUSED[name]
    change(content)
    with pytest.raises(DataError, match=words) as error:
        read(folder, content, masks=True, keypoints=True)
    assert str(error.value).startswith(f"{folder}/a.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", r"holds \[1, 2\]; COCO-json is an object"),
        ("[" * 100_000, "too many brackets"),
        ('{"a": "é"}', "byte 7 is not utf-8; save it as UTF-8"),
        ('{"images": ', "is no JSON file"),
    ],
)
def test_a_file_that_is_no_coco_json(tmp_path, text, words):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=words):
        CocoFile(tmp_path / "a.json")
    with pytest.raises(DataError, match=r"is a folder; give the COCO-json .*in it: a\.json"):
        CocoFile(tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match=r"pipe\.json is no JSON file .* no plain file"):
        CocoFile(tmp_path / "pipe.json")


def test_text_and_number_are_one_id_but_not_with_zeros():
    got = [read_id("x", "id", {"id": v}) for v in (7, 7.0, "7", "007", "+7", 7.5 * 2, "a")]
    assert got == [7, 7, 7, "007", "+7", 15, "a"]
    for value in (True, None, "", 7.5, [7]):
        with pytest.raises(DataError, match="x: id must be a whole number or a text"):
            read_id("x", "id", {"id": value})


def test_doubts_and_what_is_only_said(made):
    folder, content = made
    content["categories"] += [{"id": 9, "name": "red"}, {"id": 11, "name": "unused"}]
    content["annotations"] = content["annotations"][:4]
    notes = read(folder, content).notes
    assert notes.taken == [
        "categories without an object: 2 (red, unused)",
        "4 of 6 pictures have no objects",
    ]
    assert notes.doubts == ["the category 'red' is given twice, with ids 1, 9: two classes"]


@pytest.mark.parametrize("kind", ["centers", "corners"])
def test_boxes_of_another_form_are_told_by_their_polygons(made, kind):
    folder, content = made
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        moved = [x + w // 2, y + h // 2, w, h] if kind == "centers" else [x, y, x + w, y + h]
        annotation["bbox"] = moved
    notes = read(folder, content, box_budget=1.1).notes
    assert notes.doubts[0].startswith("12 of 12 boxes are not around their polygons")


def captions(folder, content, *texts):
    made = [{"image_id": i % COUNT + 1, "caption": text} for i, text in enumerate(texts)]
    (folder / "c.json").write_text(json.dumps({**content, "annotations": made}))
    return CaptionedImages(CocoFile(folder / "c.json"), folder, image_size=SHAPE)


@pytest.mark.parametrize("text", [None, 12, ["a", "b"]])
def test_captions_are_texts(made, text):
    with pytest.raises(DataError, match=r"annotations\[1\]: caption must be a text, got"):
        captions(*made, "a b", text)


def test_captions_without_pictures_and_pictures_without_captions(made):
    folder, content = made
    source = captions(folder, content, "a red box", "two boxes")
    assert len(source) == 2
    assert source.remarks() == [
        "left out 4: it has no caption (3 (002.png), 4 (003.png), 5 (004.png), ...)"
    ]
    content["images"] = content["images"][1:]
    with pytest.raises(DataError, match=r"annotations\[0\]: there is no image 1"):
        captions(folder, content, "a red box", "two boxes")


def test_a_class_called_caption_has_no_captions(made):
    folder, content = made
    content["categories"][0]["name"] = "caption"
    content["images"][0]["caption"] = ""
    (folder / "a.json").write_text(json.dumps(content))
    assert not CocoFile(folder / "a.json").has_captions()
    captions(folder, content, "a b")
    assert CocoFile(folder / "c.json").has_captions()
