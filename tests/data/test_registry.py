"""Every kind of set by name: prepared, synthetic, one's own; what is refused; first downloads."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.registry import OWN, SYNTHETIC
from jaxdl.data.tfds.download import prepare_set

ROOT = Path(__file__).parents[2]
PREPARED = Path(os.environ.get("TFDS_DATA_DIR", "/nowhere"))
BLOCKER = """
import builtins
genuine = builtins.__import__
def guarded(name, *args, **kwargs):
    if name.split(".")[0] == "tensorflow":
        raise ModuleNotFoundError(f"No module named {name!r}")
    return genuine(name, *args, **kwargs)
builtins.__import__ = guarded
"""
prepared = pytest.mark.skipif(
    not (PREPARED / "coco").is_dir(), reason="TFDS_DATA_DIR has no prepared coco"
)


@prepared
def test_real_sets_load_and_draw_where_tensorflow_cannot_be_imported(tmp_path):
    code = """
    import sys
    from pathlib import Path
    from jaxdl.data.config import DataConfig
    from jaxdl.data.load import load_splits
    from jaxdl.data.summary import draw_examples
    for name in ("mnist", "fashion_mnist", "cifar10", "coco/2017", "voc/2007",
                 "coco_captions/2014"):
        splits = load_splits(DataConfig(name=name, batch_size=16))
        out = Path(sys.argv[1]) / f"{name.replace('/', '-')}.png"
        draw_examples(splits["train"], title=name).save(out, dpi=20)
        mean = splits["train"].batch(range(splits["train"].size))["image"].mean(axis=(0, 1, 2))
        print(name, splits["train"].size, splits["test"].size, *(mean / 255).round(4))
    """
    command = [sys.executable, "-c", BLOCKER + textwrap.dedent(code), str(tmp_path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    out = subprocess.run(command, capture_output=True, text=True, env=env)
    assert out.returncode == 0, out.stderr
    lines = {line.split()[0]: line.split()[1:] for line in out.stdout.splitlines()}
    assert {name: line[:2] for name, line in lines.items()} == {
        "mnist": ["60000", "10000"],
        "fashion_mnist": ["60000", "10000"],
        "cifar10": ["50000", "10000"],
        "coco/2017": ["180", "177"],
        "voc/2007": ["140", "71"],
        "coco_captions/2014": ["80", "39"],
    }
    means = [float(number) for number in lines["cifar10"][2:]]
    np.testing.assert_allclose(means, [0.4913, 0.4822, 0.4464], atol=1e-4)  # as Pillow decodes
    assert len(list(tmp_path.glob("*.png"))) == 6


@prepared
@pytest.mark.parametrize(("name", "objects"), [("coco/2017", 1485), ("voc/2007", None)])
def test_prepared_boxes_are_those_that_tfds_reads(name, objects):
    import tensorflow_datasets as tfds

    (version,) = (PREPARED / name).glob("*.*.*")
    rows = tfds.builder_from_directory(str(version)).as_data_source("train")
    for most, size in ((100, 256), (3, 128)):
        cfg = DataConfig(name=name, boxes=most, image_size=(size,), road="stream", batch_size=8)
        split = load_splits(cfg)["train"]
        got = split.batch(np.arange(12))
        for i in range(12):
            row = rows[i]
            height, width = row["image"].shape[:2]
            scale = size / max(height, width)
            want = np.array(row["objects"]["bbox"]).reshape(-1, 4)[:, [1, 0, 3, 2]]
            want = want * np.array([width, height, width, height]) * scale
            own = got["boxes"][i][got["kept"][i]]
            assert len(own) == min(most, len(want))
            for box, label in zip(own, got["labels"][i], strict=False):
                near = np.abs(want - box).max(axis=1)
                assert near.min() < 1  # the picture's size is rounded to whole pixels
                assert label in np.array(row["objects"]["label"])[near < 1]
    if objects:
        everything = load_splits(DataConfig(name=name, boxes=100, image_size=(32,)))["train"]
        assert everything.batch(np.arange(everything.size))["kept"].sum() == objects


@prepared
def test_captions_are_words_of_the_training_split():
    from jaxdl.data.captions import decode_caption

    splits = load_splits(DataConfig(name="coco_captions/2014", length=20, image_size=(32,)))
    row = splits["train"].example
    assert row["captions"].shape == (5, 20)
    said = decode_caption(row["captions"][0], splits["train"].vocabulary)
    assert said == "a stuffed bear set in front of a cup of coffee"
    assert splits["test"].vocabulary == splits["train"].vocabulary


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_sets_say_so_and_test_rows_are_others(name):
    splits = load_splits(DataConfig(name=name, rows=10, batch_size=2))
    assert (splits["train"].size, splits["test"].size) == (10, 2)
    assert splits["train"].synthetic.startswith("synthetic")
    if name == "hello":  # one word, as in the notes
        return
    key = max(splits["train"].example, key=lambda k: splits["train"].example[k].size)
    first, held = splits["train"].batch(np.arange(10))[key], splits["test"].batch(np.arange(2))[key]
    assert not any((row == first).all() for row in held[:, None])


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
        cfg = DataConfig(name="folder", path=path, image_size=(16, 24), batch_size=4)
        splits = load_splits(cfg)
        assert splits["train"].classes == ("ant", "bee")
        assert splits["train"].example["image"].shape == (16, 24, 3)
        np.testing.assert_array_equal(splits["train"].labels, [0] * 6 + [1] * 5)
        assert (splits["test"].name, splits["test"].size) == ("val", 3)


def test_own_table_arrays_and_text(tmp_path):
    rows = [f"{i},{i * i},{'yes' if i % 2 else 'no'}" for i in range(20)]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    splits = load_splits(DataConfig(name="csv", path=str(tmp_path / "t.csv.gz"), batch_size=4))
    assert splits["train"].classes == ("no", "yes")
    assert (splits["train"].size, splits["test"].size) == (16, 4)
    assert splits["test"].labels is not None
    assert sorted(splits["test"].labels) == [0, 0, 1, 1]  # a fifth, stratified

    image = np.zeros((6, 5, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=image, y_train=np.arange(6) % 3, x_test=image[:2],
             y_test=np.zeros(2, int))  # fmt: skip
    splits = load_splits(DataConfig(name="npz", path=str(tmp_path / "a.npz"), batch_size=2))
    assert splits["train"].example["image"].shape == (5, 4, 1)
    assert (splits["train"].classes, splits["test"].size) == (("0", "1", "2"), 2)

    (tmp_path / "t.txt").write_text("abcab" * 20)
    splits = load_splits(DataConfig(name="text", path=str(tmp_path / "t.txt"), length=9))
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
    cfg = DataConfig(name="coco_json", path=str(tmp_path / "c.json"), image_size=(20,), boxes=2)
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
    base = {"name": "coco_json", "path": str(tmp_path / "c.json"), "image_size": (20,), "boxes": 2}
    row = load_splits(DataConfig(**base, annotations="masks"))["train"].example
    want = np.zeros((20, 20), bool)
    want[1:6, 2:7] = True
    np.testing.assert_array_equal(row["masks"][0], want)
    assert not row["masks"][1].any()
    row = load_splits(DataConfig(**base, annotations="keypoints"))["train"].example
    assert "masks" not in row
    np.testing.assert_allclose(row["points"][0], [[2.75, 1.75], [0, 0]])
    np.testing.assert_array_equal(row["visible"][0], [True, False])
    with pytest.raises(UsageError, match="annotations of coco_json.*boxes, masks"):
        load_splits(DataConfig(**base, annotations="segments"))


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
    base = {"name": "voc_folder", "path": str(tmp_path), "image_size": (20,), "boxes": 2}
    row = load_splits(DataConfig(**base, annotations="masks"))["train"].example
    np.testing.assert_allclose(row["boxes"][0], [4, 2, 8, 6])
    np.testing.assert_array_equal(row["masks"][0, :10], numbers > 0)
    splits = load_splits(DataConfig(**base, annotations="segments"))
    np.testing.assert_array_equal(splits["train"].example["segments"][:10], numbers)
    assert (splits["train"].example["segments"][10:] == 255).all()
    assert splits["train"].classes[12] == "dog"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 3, 8, 9), np.uint8), r"looks like CHW: transpose\(0, 2, 3, 1\)"),
        (np.zeros((4, 8, 8, 5), np.uint8), "1, 3 or 4 channels"),
        (np.full((4, 8, 8, 3), 200.0), r"in 200\.\.200; they lie in 0\.\.255: use"),
        (np.full((4, 8, 8, 3), 0.5), "multiply by 255"),
        (np.full((4, 8, 8, 3), -1.5), "normalized already"),
        (np.zeros((4, 8, 8)), r"must be \(N, H, W, C\), got shape \(4, 8, 8\)"),
    ],
)
def test_pixels_in_another_form_are_told_apart(tmp_path, image, message):
    np.savez(tmp_path / "a.npz", image=image, label=np.zeros(4, int))
    with pytest.raises(DataError, match=message):
        load_splits(DataConfig(name="npz", path=str(tmp_path / "a.npz")))


@pytest.mark.parametrize("name", OWN)
def test_own_data_needs_a_path_that_is_there(name, tmp_path):
    with pytest.raises(UsageError, match=f"{name} needs data.path"):
        load_splits(DataConfig(name=name))
    with pytest.raises(DataError, match="there is no .*nowhere"):
        load_splits(DataConfig(name=name, path=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("name", ["../mnist", "/etc", "-rf", "a\0b", "m" * 300 + "/..", "a/../b"])
def test_names_that_leave_the_folder(name, tmp_path):
    with pytest.raises(UsageError, match=r"data\.name"):
        load_splits(DataConfig(name=name, dir=str(tmp_path / "sets")))
    assert list(tmp_path.iterdir()) == []


@prepared
@pytest.mark.parametrize("damage", ["format", "feature"])
def test_a_folder_of_another_version_is_named_with_both(tmp_path, damage):
    import tensorflow_datasets as tfds

    folder = tmp_path / "coco" / "2017" / "1.1.0"
    shutil.copytree(PREPARED / "coco" / "2017" / "1.1.0", folder)
    name = "dataset_info.json" if damage == "format" else "features.json"
    text = (folder / name).read_text()
    old = '"parquet"' if damage == "format" else "features_dict.FeaturesDict"
    assert old in text
    (folder / name).write_text(text.replace(old, f"{old[:-1]}9000{old[-1]}", 1))
    with pytest.raises(DataError, match=f"1.1.0 .* installed {tfds.__version__}") as caught:
        load_splits(DataConfig(name="coco/2017", dir=str(tmp_path)))
    assert "prepare it again" in str(caught.value)


BUILDER = """
import io
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

def png(value):  # files are stored as they are; tfds packs arrays by TensorFlow
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value, value, value)).save(file, "PNG")
    return io.BytesIO(file.getvalue())

class Tiny(tfds.core.GeneratorBasedBuilder):
    '''Twelve pictures, twelve clips.'''
    VERSION = tfds.core.Version("1.0.0")
    def _info(self):
        label = tfds.features.ClassLabel(names=["a", "b"])
        features = tfds.features.FeaturesDict({KEY: FEATURE, "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features)
    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}
    def _generate_examples(self):
        for i in range(12):
            yield i, {KEY: (MADE)(i), "label": i % 2}
"""


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_first_download_prepares_array_record_without_tensorflow(tmp_path, kind):
    feature = "tfds.features.Image(shape=(8, 8, 3))"
    made = "png"
    if kind == "video":
        feature = "tfds.features.Sequence(tfds.features.Image(shape=(8, 8, 3)))"
        made = "lambda i: [png(i + t) for t in range(5)]"
    code = f"""
import sys
from pathlib import Path
{BLOCKER}
{BUILDER.replace("FEATURE", feature).replace("MADE", made).replace("KEY", repr(kind))}
from jaxdl.data.tfds.download import prepare_set
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
folder = prepare_set(Tiny(data_dir=sys.argv[1], file_format="array_record"))
assert list(folder.glob("*.array_record*")), list(folder.iterdir())
cfg = DataConfig(name="tiny", dir=sys.argv[1], frames=2, image_size=(8,), batch_size=2)
train = load_splits(cfg)["train"]
rows = train.batch(range(train.size))
first = rows[{kind!r}].reshape(len(rows["label"]), -1)[:, 0]
print(*rows[{kind!r}].shape, *sorted(first % 2 == rows["label"]))
"""
    env = os.environ | {"PYTHONPATH": str(ROOT), "JAXDL_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "tiny.py").write_text(code)
    command = [sys.executable, tmp_path / "tiny.py", str(tmp_path / "sets")]
    out = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    shape = ["10", "2", "8", "8", "3"] if kind == "video" else ["10", "8", "8", "3"]
    said = out.stdout.splitlines()[-1].split()
    assert said[: len(shape)] == shape
    if kind == "image":
        assert set(said[len(shape) :]) == {"True"}


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("kmnist", (28, 28, 1), 10),
        ("cifar100", (32, 32, 3), 100),
        ("omniglot", (105, 105, 3), 1623),
    ],
)
def test_sets_as_their_own_builders_lay_them_out(name, shape, classes, tmp_path, monkeypatch):
    """The real builder's features and files, with made-up rows in place of the download."""
    import tensorflow_datasets as tfds

    def rows(self):
        for i in range(6):
            file = io.BytesIO()
            pixels = np.full(shape, 40 * i, np.uint8)
            Image.fromarray(pixels[..., 0] if shape[2] == 1 else pixels).save(file, "PNG")
            row = {"image": io.BytesIO(file.getvalue()), "label": i + 1, "id": str(i)}
            row |= {"coarse_label": 0, "alphabet": 0, "alphabet_char_id": i}
            yield i, {key: row[key] for key in self.info.features}

    cls = tfds.builder_cls(name)
    splits = lambda self, _: {"train": rows(self), "test": rows(self)}  # noqa: E731
    monkeypatch.setattr(cls, "_split_generators", splits)
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    cls(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    got = load_splits(DataConfig(name=name, dir=str(tmp_path), batch_size=2))
    assert got["train"].example["image"].shape == shape
    assert (got["train"].size, len(got["test"].classes)) == (6, classes)
    batch = got["train"].batch(np.arange(6))
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0] // 40, batch["label"] - 1)


def test_a_builder_that_needs_tensorflow_names_the_extra(tmp_path):
    class Needs:
        name, data_dir, url_infos = "needs", str(tmp_path / "needs" / "1.0.0"), {}

        def download_and_prepare(self, **_):
            Path(f"{self.data_dir}.incompleteXYZ").mkdir(parents=True)
            raise ModuleNotFoundError("No module named 'tensorflow'")

    with pytest.raises(DataError, match=r'pip install "jaxdl\[tf\]" && python -c'):
        prepare_set(Needs())
    assert list((tmp_path / "needs").iterdir()) == []


def test_no_network_is_said_at_once(tmp_path):
    class Far:
        name, data_dir = "far", str(tmp_path)
        url_infos = {"https://nowhere.invalid/far.zip": None}  # noqa: RUF012

    began = time.monotonic()
    with pytest.raises(DataError, match=r"nowhere\.invalid is not reached"):
        prepare_set(Far())
    assert time.monotonic() - began < 5
