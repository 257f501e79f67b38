"""A COCO folder written from drawings comes back as drawn; masks against pycocotools."""

import copy
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.captions import UNKNOWN, decode_caption
from jaxdl.data.config import data_config
from jaxdl.data.files.coco import read_coco
from jaxdl.data.files.coco_captions import CaptionedImages
from jaxdl.data.files.coco_schema import CocoFile
from jaxdl.data.files.open import open_coco_json
from jaxdl.data.gather import stack_rows
from jaxdl.data.skeleton import Skeleton
from jaxdl.data.synthetic.outlines import tight_boxes
from jaxdl.data.synthetic.shapes import Shapes

mask_api = pytest.importorskip("pycocotools.mask")
COUNT, SHAPE = 12, (48, 64)


@pytest.fixture(scope="module")
def drawn():
    shapes = Shapes(COUNT, 1, image_size=SHAPE)
    return shapes, shapes.rows(np.arange(COUNT))


@pytest.fixture
def made(tmp_path, drawn):
    """A COCO-json of the synthetic shapes, categories with gaps, and its images."""
    shapes, rows = drawn
    (tmp_path / "images").mkdir()
    content = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [
        {"id": 10 * k + 3, "name": name, "keypoints": list(shapes.skeleton.names)}
        for k, name in reversed(list(enumerate(shapes.classes)))
    ]
    for r in range(COUNT):
        name = f"{r:03d}.png"
        Image.fromarray(rows["image"][r]).save(tmp_path / "images" / name)
        info = {"id": 1000 - r, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]}
        content["images"].append(info)
        for n in np.flatnonzero(rows["kept"][r]):
            x1, y1, x2, y2 = rows["boxes"][r, n].tolist()
            packed = mask_api.encode(np.asfortranarray(rows["masks"][r, n].astype(np.uint8)))
            points = [[x - 0.5, y - 0.5, 2] for x, y in rows["points"][r, n].tolist()]
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": 1000 - r,
                    "category_id": int(10 * rows["labels"][r, n] + 3),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "segmentation": {"size": list(SHAPE), "counts": packed["counts"].decode()},
                    "keypoints": [number for point in points for number in point],
                    "iscrowd": int(n == 5),
                }
            )
    return tmp_path, content


def read(made, **options):
    folder, content = made
    (folder / "a.json").write_text(json.dumps(content))
    options = {"image_size": SHAPE} | options
    return read_coco(CocoFile(folder / "a.json"), folder / "images", **options)


def test_objects_come_back_as_they_were_drawn(made, drawn):
    shapes, rows = drawn
    source = read(made, masks=True, keypoints=True)
    assert source.classes == shapes.classes
    got = stack_rows(source)
    np.testing.assert_array_equal(got["image_id"], np.arange(1000 - COUNT + 1, 1001))
    back = slice(None, None, -1)  # ids were given backwards
    most = rows["kept"].sum(axis=1).max()
    for name in ("boxes", "labels", "kept", "masks", "points", "visible"):
        np.testing.assert_array_equal(got[name], rows[name][back, :most], err_msg=name)
        assert got[name].dtype == rows[name].dtype
    np.testing.assert_array_equal(got["image"], rows["image"][back])
    np.testing.assert_array_equal(
        got["difficult"], rows["kept"][back, :most] & (np.arange(most) == 5)
    )
    np.testing.assert_array_equal(got["crowd"], got["difficult"])
    np.testing.assert_array_equal(got["scale"], np.ones((COUNT, 2)))


def test_areas_are_those_of_the_annotations_whatever_the_size_of_the_picture(made):
    given = [7.5, "8", None, -3, 0, float("nan")]
    for annotation in made[1]["annotations"]:
        annotation["area"] = given[annotation["id"] % 6]
    made[1]["annotations"][0].pop("area")
    want = {a["id"]: [7.5, 8, -1, -1, -1, -1][a["id"] % 6] for a in made[1]["annotations"]}
    want[0] = -1
    for size in (SHAPE, (24, 32)):
        got = stack_rows(read(made, image_size=size))
        for row, image in enumerate(got["image_id"]):
            own = [want[a["id"]] for a in made[1]["annotations"] if a["image_id"] == image]
            np.testing.assert_array_equal(got["areas"][row][got["kept"][row]], own)


def test_keypoints_have_the_names_and_lines_of_the_richest_category(made):
    content = made[1]
    assert read(made, masks=True).skeleton is None
    assert read(made, keypoints=True).skeleton == Skeleton(Shapes.skeleton.names)
    content["categories"][0]["skeleton"] = [[1, 2]]  # of equally rich ones the least id counts
    content["categories"][-1]["skeleton"] = [[1, 2], ["2", 4], [0, 1], [5, 1], "x"]
    bent = read(made, keypoints=True)
    assert bent.skeleton.bones == ((0, 1), (1, 3))
    (doubt,) = bent.notes.doubts
    assert "pairs of numbers from 1 to 4" in doubt
    content["categories"][0]["keypoints"] = ["a", "b"]
    for annotation in content["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][
            : 6 if annotation["category_id"] > 50 else 12
        ]
    assert "are named otherwise" in read(made, keypoints=True).notes.doubts[0]


@pytest.mark.parametrize("size", [(24, 32), (96, 100)])
@pytest.mark.parametrize("keep_shape", [True, False])
def test_everything_moves_with_the_picture(made, drawn, size, keep_shape):
    _, rows = drawn
    got = stack_rows(read(made, masks=True, keypoints=True, image_size=size, keep_shape=keep_shape))
    scale = np.array([size[1] / SHAPE[1], size[0] / SHAPE[0]])
    scale = np.full(2, scale.min()) if keep_shape else scale
    np.testing.assert_allclose(got["scale"], np.tile(scale, (COUNT, 1)), rtol=0.02)
    back, most = slice(None, None, -1), got["boxes"].shape[1]
    np.testing.assert_allclose(
        got["boxes"], rows["boxes"][back, :most] * np.tile(scale, 2), rtol=0.02
    )
    np.testing.assert_allclose(got["points"], rows["points"][back, :most] * scale, rtol=0.02)
    drawn_boxes = tight_boxes(got["masks"])[got["kept"]]
    assert np.abs(drawn_boxes - got["boxes"][got["kept"]]).max() <= max(1.0, scale.max())
    assert got["image"].shape == (COUNT, *size, 3)


def test_masks_by_polygons_are_pycocotools(made):
    folder, content = made
    rng = np.random.default_rng(0)
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        corners = rng.uniform(0, 1, (5, 2)) * [w, h] + [x, y]
        annotation["segmentation"] = [corners.ravel().tolist()]
    (folder / "p.json").write_text(json.dumps(content))
    from pycocotools.coco import COCO

    api = COCO(str(folder / "p.json"))
    got = stack_rows(read(made, masks=True))
    for row, number in enumerate(got["image_id"].tolist()):
        want = [api.annToMask(a) for a in api.loadAnns(api.getAnnIds(imgIds=[number]))]
        np.testing.assert_array_equal(got["masks"][row][got["kept"][row]], want)


@pytest.mark.parametrize("most", [1, 3, 10])
def test_most_is_the_number_of_objects_of_every_row(made, most):
    got = stack_rows(read(made, most=most))
    assert got["boxes"].shape == (COUNT, most, 4)
    assert got["kept"].sum(axis=1).max() == min(most, 6)


@pytest.mark.parametrize("empty", [True, False])
def test_pictures_without_objects(made, empty):
    folder, content = made
    content = copy.deepcopy(content)
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] % 2]
    got = stack_rows(read((folder, content), empty=empty))
    assert len(got["kept"]) == (COUNT if empty else COUNT // 2)
    assert (got["kept"].any(axis=1) == (got["image_id"] % 2 == 1)).all()


def test_a_set_without_any_box_has_rows(made):
    folder, content = made
    got = stack_rows(read((folder, {**content, "annotations": []}), masks=True))
    assert got["boxes"].shape == (COUNT, 1, 4)
    assert not got["kept"].any()


def test_bad_boxes_name_their_image(made):
    folder, content = made
    content = copy.deepcopy(content)
    content["annotations"][3]["bbox"] = [5, 5, -2, 4]
    number = content["annotations"][3]["image_id"]
    with pytest.raises(DataError, match=rf"image {number} .*inverted"):
        read((folder, content))
    source = read((folder, content), box_budget=0.5, masks=True)
    assert len(source.check.dropped) == 1
    row = next(r for r in source if r["image_id"] == number)
    count = sum(a["image_id"] == number for a in content["annotations"])
    assert row["kept"].sum() == count - 1
    near = np.abs(tight_boxes(row["masks"]) - row["boxes"]).max()  # masks are still their boxes'
    assert near <= 1


def test_masks_of_nothing_and_keypoints_outside_are_left_out_and_named(made):
    folder, content = made
    content = copy.deepcopy(content)
    content["annotations"][0]["segmentation"] = []
    content["annotations"][1]["segmentation"] = [[2, 2, 2, 2, 2, 2]]
    with pytest.raises(DataError, match=r"no area in the picture.*annotations\[0\]: its seg"):
        read((folder, content), masks=True)
    source = read((folder, content), masks=True, box_budget=0.5)
    dropped = {fault.where.split(", ")[-1] for fault in source.check.dropped.values()}
    assert dropped == {"annotations[0]", "annotations[1]"}
    row = stack_rows(source)
    assert (row["masks"].any(axis=(2, 3)) == row["kept"]).all()
    assert read((folder, content)).check.dropped == {}  # boxes do not need them
    bare = {"iscrowd": 1, "segmentation": None}
    crowd = {**content["annotations"][2], **bare, "id": 999}
    crowded = {**content, "annotations": [*content["annotations"][2:], crowd]}
    assert read((folder, crowded), masks=True).notes.left_out == {
        "a crowd without a segmentation": [f"annotations[{len(crowded['annotations']) - 1}]"]
    }

    first = content["annotations"][0]["keypoints"]
    first[:3] = [-40, 3, 2]
    content["annotations"][1]["keypoints"][3] = float("nan")
    content["annotations"][2]["keypoints"] = [0] * 12
    with pytest.raises(DataError, match=r"annotations\[1\]: its keypoints"):
        read((folder, content), keypoints=True)
    source = read((folder, content), keypoints=True, box_budget=0.5)
    assert len(source.check.dropped) == 1
    (named,) = source.notes.left_out["a keypoint outside its picture"]
    assert "annotations[0], keypoint 1 at [-39.5, 3.5]" in named
    assert "objects without a labeled keypoint: 1 of" in " ".join(source.notes.taken)
    row = stack_rows(source)
    assert (~row["visible"])[row["kept"]].sum() == 1 + 4


def test_corrupt_images_are_left_out_within_the_budget(made):
    folder, _ = made
    (folder / "images" / "004.png").write_bytes(b"")
    source = read(made)
    assert len(source) == COUNT - 1
    assert source.skipped.rows == [("996 (004.png)", "the file is empty")]
    data = bytearray((folder / "images" / "006.png").read_bytes())
    data[60:99] = bytes(39)
    (folder / "images" / "006.png").write_bytes(bytes(data))
    source = read(made, budget=0.2)
    got = stack_rows(source)  # replaced by the next
    assert (got["image_id"] == 995).sum() == 2
    assert 994 not in got["image_id"]
    (folder / "images" / "005.png").unlink()
    with pytest.raises(DataError, match=r"2 of 12 files.*no such file"):
        read(made)


def change(content, path, value):
    *parents, last = path
    for key in parents:
        content = content[key]
    if value is None:
        del content[last]
    else:
        content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["images"], [], "no images"),
        (["categories"], [], "no categories"),
        (["annotations"], None, "no list of annotations"),
        (["images", 0, "file_name"], "../secret.png", r"'\.\./secret\.png' leaves"),
        (["images", 0, "file_name"], "/etc/passwd", "leaves"),
        (["annotations", 0, "image_id"], 7, r"annotations\[0\]: there is no image 7"),
        (["annotations", 0, "category_id"], 999, r"annotations\[0\]: there is no category 999"),
        (["annotations", 0, "bbox"], [1, 2], r"annotations\[0\]: its bbox must be 4 numbers"),
    ],
)
def test_damaged_files_are_one_message(made, path, value, words):
    folder, content = made
    content = copy.deepcopy(content)
    change(content, path, value)
    with pytest.raises(DataError, match=words) as error:
        read((folder, content))
    assert error.value.code == 6


def test_files_that_are_no_json(tmp_path):
    (tmp_path / "a.json").write_text("{ cut")
    for name in ("a.json", "none.json"):
        with pytest.raises(DataError, match=rf"{name} is no JSON file"):
            CocoFile(tmp_path / name)


def test_an_image_of_another_size_than_its_annotations(made):
    folder, content = made
    content = copy.deepcopy(content)
    content["images"][0]["height"] = 50
    source = read((folder, content))
    why = "its annotations are for 50x64 (height x width), the picture is 48x64"
    assert source.skipped.rows == [("1000 (000.png)", why)]
    content["images"][1]["height"] = 50
    with pytest.raises(DataError, match=r"2 of 12 files.*for 50x64"):
        read((folder, content))


@pytest.fixture
def captioned(made, drawn):
    folder, content = made
    shapes, rows = drawn
    annotations = []
    for r in range(COUNT - 1):  # the last has none
        for text in [shapes.text(rows["caption"][r]), "Many Shapes!"][: 1 + r % 2]:
            annotations.append({"id": len(annotations), "image_id": 1000 - r, "caption": text})
    file = folder / "captions.json"
    file.write_text(json.dumps({"images": content["images"], "annotations": annotations}))
    return file, folder / "images"


def captions(place, **options):
    return CaptionedImages(CocoFile(place[0]), place[1], **options)


@pytest.mark.parametrize("length", [17, 6])
def test_captions_come_back_at_a_fixed_length(captioned, drawn, length):
    shapes, rows = drawn
    source = captions(captioned, image_size=SHAPE, length=length)
    got = stack_rows(source)
    assert got["captions"].shape == (COUNT - 1, 2, length)
    cut = 0
    for image, ids, kept, number in zip(
        *(got[k] for k in ("image", "captions", "kept", "image_id")), strict=True
    ):
        r = 1000 - number
        np.testing.assert_array_equal(image, rows["image"][r])
        words = shapes.text(rows["caption"][r]).split()
        cut += len(words) > length - 2
        assert decode_caption(ids[0], source.vocabulary).split() == words[: length - 2]
        assert kept.sum() == 1 + r % 2
        assert decode_caption(ids[1], source.vocabulary) == ("many shapes" if r % 2 else "")
    assert source.cut == cut


def test_rare_words_and_the_vocabulary_of_training(captioned):
    few = captions(captioned, image_size=SHAPE, least=5)
    assert "many" in few.vocabulary
    assert len(few.vocabulary) < len(captions(captioned, image_size=SHAPE).vocabulary)
    other = captions(captioned, image_size=SHAPE, vocabulary=few.vocabulary[:5])
    assert other[0]["captions"].max() == 4
    bare = captioned[0].with_name("bare.json")
    info = {"id": 1, "file_name": "000.png", "height": 48, "width": 64}
    bare.write_text(json.dumps({"images": [info], "annotations": []}))
    with pytest.raises(DataError, match="no captions"):
        captions((bare, captioned[1]), image_size=SHAPE)


def test_a_config_reaches_the_limit_of_rare_words(captioned):
    cfg = data_config("coco_json", path=str(captioned[0]), images=str(captioned[1]), min_count=3)
    texts = [a["caption"].lower() for a in json.loads(captioned[0].read_text())["annotations"]]
    counts = Counter(word for text in texts for word in text.strip("!").split())
    often = {word for word, count in counts.items() if count >= 3}
    opened = open_coco_json(cfg)
    assert set(opened.vocabulary[4:]) == often < set(counts)
    ids = opened.splits["train"].rows(np.arange(COUNT - 1))["captions"]
    assert (ids == UNKNOWN).sum() == sum(counts[word] for word in set(counts) - often)
