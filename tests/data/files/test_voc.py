"""A VOC folder written from drawings comes back as drawn; hostile XML is refused."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.config import data_config
from jaxdl.data.files.open import open_own
from jaxdl.data.files.voc import CLASSES, read_voc
from jaxdl.data.files.voc_folder import VocFolder
from jaxdl.data.files.voc_lists import voc_splits
from jaxdl.data.files.voc_segmentation import SegmentedImages
from jaxdl.data.gather import stack_rows
from jaxdl.data.synthetic.shapes import Shapes

COUNT, SHAPE = 8, (40, 56)
SHAPES = Shapes(COUNT, 4, image_size=SHAPE)
ROWS = SHAPES.rows(np.arange(COUNT))


def annotation(r, names=SHAPES.classes):
    objects = "".join(
        f"<object><name>{names[ROWS['labels'][r, n]]}</name><difficult>{int(n == 1)}</difficult>"
        f"<bndbox><xmin>{x1 + 1:g}</xmin><ymin>{y1 + 1:g}</ymin><xmax>{x2:g}</xmax>"
        f"<ymax>{y2:g}</ymax></bndbox></object>"
        for n in np.flatnonzero(ROWS["kept"][r])
        for x1, y1, x2, y2 in [ROWS["boxes"][r, n].tolist()]
    )
    size = f"<size><width>{SHAPE[1]}</width><height>{SHAPE[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{r:06d}.jpg</filename>{size}{objects}</annotation>"


@pytest.fixture
def root(tmp_path):
    for name in ("JPEGImages", "Annotations", "SegmentationObject", "SegmentationClass"):
        (tmp_path / name).mkdir()
    for kind in ("Main", "Segmentation"):
        (tmp_path / "ImageSets" / kind).mkdir(parents=True)
    for r in range(COUNT):
        Image.fromarray(ROWS["image"][r]).save(tmp_path / "JPEGImages" / f"{r:06d}.jpg", quality=95)
        (tmp_path / "Annotations" / f"{r:06d}.xml").write_text(annotation(r))
        numbers = sum((n + 1) * ROWS["masks"][r, n].astype(np.uint8) for n in range(6))
        kinds = np.concatenate([[0], ROWS["labels"][r] + 1])[numbers].astype(np.uint8)
        kinds[0] = 255  # a rim
        for folder, picture in (("SegmentationObject", numbers), ("SegmentationClass", kinds)):
            image = Image.fromarray(picture).convert("P")
            image.putdata(picture.ravel().tolist())
            image.save(tmp_path / folder / f"{r:06d}.png")
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("000001\n000004 1\n\n")
    (tmp_path / "ImageSets" / "Main" / "cat_train.txt").write_text("000001 -1\n")
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").write_text("000003\n000002\n")
    return tmp_path


def read(root, **options):
    folder = VocFolder(root)
    return read_voc(folder, list(folder.annotations), image_size=SHAPE, **options)


def test_objects_come_back_as_they_were_drawn(root):
    source = read(root, masks=True)
    got = stack_rows(source)
    assert source.classes == tuple(sorted(set(source.classes))) != SHAPES.classes
    most = got["boxes"].shape[1]
    np.testing.assert_array_equal(got["boxes"], ROWS["boxes"][:, :most])
    np.testing.assert_array_equal(got["kept"], ROWS["kept"][:, :most])
    np.testing.assert_array_equal(got["masks"], ROWS["masks"][:, :most])
    np.testing.assert_array_equal(got["difficult"], got["kept"] & (np.arange(most) == 1))
    assert not got["crowd"].any()
    assert (got["areas"][got["kept"]] < 0).all()
    names = np.array(source.classes)[got["labels"]][got["kept"]]
    np.testing.assert_array_equal(names, np.array(SHAPES.classes)[ROWS["labels"]][ROWS["kept"]])
    assert np.abs(got["image"].astype(int) - ROWS["image"]).mean() < 8


def test_splits_are_the_lists_of_names(root):
    for kind, rows in (("boxes", [1, 4]), ("masks", [1, 4])):
        if kind == "masks":
            (root / "ImageSets" / "Segmentation" / "train.txt").write_text("000001\n000004\n")
        cfg = data_config("voc_folder", path=str(root), image_size=SHAPE, annotations=kind)
        train = open_own(cfg).splits["train"]
        kept = stack_rows(train)["kept"].sum(axis=1)
        np.testing.assert_array_equal(kept, ROWS["kept"][rows].sum(axis=1))


def test_the_twenty_classes_have_their_own_order(root):
    names = ("person", "dog", "cat", "car", "bus", "bird")
    for r in range(COUNT):
        (root / "Annotations" / f"{r:06d}.xml").write_text(annotation(r, names))
    source = read(root)
    assert source.classes == CLASSES
    assert len(CLASSES) == 20
    np.testing.assert_array_equal(
        np.array(CLASSES)[source[0]["labels"]][source[0]["kept"]],
        np.array(names)[ROWS["labels"][0]][ROWS["kept"][0]],
    )
    with pytest.raises(DataError, match=r"classes \[.*'car'.*\] are not among"):
        read(root, classes=("dog", "cat"))


HOSTILE = {
    "another file": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
    "bomb": '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><annotation>&y;</annotation>',
    "outside type": '<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><annotation/>',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_xml_is_refused(root, what):
    (root / "Annotations" / "000002.xml").write_text(HOSTILE[what])
    with pytest.raises(DataError, match=r"000002\.xml declares a document type"):
        read(root)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("</annotation>", "", r"000002\.xml cannot be read"),
        ("<annotation>", "", r"000002\.xml cannot be read"),
        ("<name>", "<nome>", r"000002\.xml cannot be read"),
        (
            "<width>56</width>",
            "",
            r"000002\.xml: size must have a height and a width, got 40 and 0",
        ),
        ("<width>56", "<width>inf</width><width>", r"000002\.xml: size must .*, got 40 and inf"),
        ("<width>56", "<width>wide", r"000002\.xml: size must .*, got 40 and wide"),
        ("<xmin>", "<xmin>x", "image 000002, object 1: bndbox/xmin 'x.* is not a number"),
        ("<difficult>0", "<difficult>maybe", "000002, object 1: difficult must"),
        ("bndbox", "robndbox", "image 000002, object 1: it has no bndbox, but robndbox"),
        ("<name>", "<name/><x>", r"000002\.xml cannot be read"),
        ("<xmin>", "<xmin>nan</xmin><xmin>", "image 000002, object 1: box .*not finite"),
    ],
)
def test_damaged_annotations_name_their_picture(root, old, new, words):
    file = root / "Annotations" / "000002.xml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError, match=words):
        read(root)


def test_names_do_not_leave_the_folder(root):
    file = root / "Annotations" / "000002.xml"
    file.write_text(file.read_text().replace("000002.jpg", "../Annotations/000002.jpg"))
    assert read(root).pictures[2].file == root / "JPEGImages" / "000002.jpg"


def segmented(root, listed="", **options):
    if listed:
        names = ["000003", "000002"]
        (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(names))
    (root / "ImageSets" / "Segmentation" / "val.txt").unlink()
    split = voc_splits(root, "segments")["train"]
    return SegmentedImages(split.folder, split.names, **({"image_size": SHAPE} | options))


@pytest.mark.parametrize("size", [SHAPE, (20, 40)])
@pytest.mark.parametrize("split", ["", "train"])
def test_segmentations_have_a_class_a_pixel(root, size, split):
    source = segmented(root, image_size=size, classes=("ground", *SHAPES.classes), listed=split)
    got = stack_rows(source)
    rows = np.arange(COUNT) if not split else np.array([3, 2])
    assert got["segments"].shape == (len(rows), *size)
    for r, segments in zip(rows, got["segments"], strict=True):
        want = np.zeros(SHAPE, int)
        for n in np.flatnonzero(ROWS["kept"][r]):
            want[ROWS["masks"][r, n]] = ROWS["labels"][r, n] + 1
        want[0] = 255
        if size == SHAPE:
            np.testing.assert_array_equal(segments, want)
        else:  # half the size, the middle of two pixels: the lower right; nothing beyond
            np.testing.assert_array_equal(segments[:, :28], want[1::2, 1::2])
            assert (segments[:, 28:] == 255).all()


def test_segmentations_that_cannot_be(root):
    with pytest.raises(
        DataError, match=r"has the number \d in \d+ pixels.* 2 classes are 0, 1, 255 does not"
    ):
        stack_rows(segmented(root, classes=("ground", "thing")))
    folder = VocFolder(root)
    (root / "SegmentationClass" / "000000.png").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"000000\.png: it is no image"):
        SegmentedImages(folder, ["000000"], image_size=SHAPE)[0]
    Image.fromarray(ROWS["image"][0]).save(root / "SegmentationClass" / "000000.png")
    with pytest.raises(DataError, match=r"must be a PNG of numbers \(palette\), got PNG, RGB"):
        SegmentedImages(folder, ["000000"], image_size=SHAPE)[0]


@pytest.mark.parametrize("stored", [False, True])
def test_segments_turn_with_their_picture(root, stored):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.rot90(ROWS["image"][0])  # a viewer turns it back
    Image.fromarray(pixels).save(root / "JPEGImages" / "000000.jpg", exif=exif)
    if stored:
        file = root / "SegmentationClass" / "000000.png"
        with Image.open(file) as numbers:
            turned = numbers.transpose(Image.Transpose.ROTATE_90)
        turned.save(file)
    options = {"image_size": SHAPE, "classes": ("ground", *SHAPES.classes)}
    (row, other) = SegmentedImages(VocFolder(root), ["000000", "000001"], **options)
    want = np.concatenate([[0], ROWS["labels"][0] + 1])[
        sum((n + 1) * ROWS["masks"][0, n].astype(int) for n in range(6))
    ]
    want[0] = 255
    np.testing.assert_array_equal(row["segments"], want)
    assert (other["segments"][0] == 255).all()


def test_boxes_that_begin_at_0_are_said(root):
    assert not read(root).notes.taken
    file = root / "Annotations" / "000002.xml"
    start = file.read_text().index("<xmin>")
    text = file.read_text()
    file.write_text(text[:start] + "<xmin>0</xmin>" + text[text.index("</xmin>") + 7 :])
    assert read(root).notes.taken[0].startswith("boxes that begin at 0, where VOC begins at 1: 1;")
