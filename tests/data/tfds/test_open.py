"""Prepared sets against tensorflow-datasets' own reading of them, and what is refused."""

import io
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import TfdsData, data_config
from jaxdl.data.load import load_splits
from jaxdl.data.tfds.open import open_tfds

ROOT = Path(__file__).parents[3]
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
    from jaxdl.data.config import data_config
    from jaxdl.data.load import load_splits
    from jaxdl.data.summary import draw_examples
    for name in ("mnist", "fashion_mnist", "cifar10", "coco/2017", "voc/2007",
                 "coco_captions/2014"):
        splits = load_splits(data_config(name, batch_size=16))
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
        cfg = data_config(
            name, max_boxes=most, image_size=(size,), placement="stream", batch_size=8
        )
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
            areas = np.array(row["objects"].get("area", []), np.float32)
            told = got["areas"][i][got["kept"][i]]  # in pixels of the file at both sizes
            assert set(told.tolist()) <= set(areas.tolist() or [-1.0])
            crowd = np.array(row["objects"].get("is_crowd", []), bool)
            assert got["crowd"][i].sum() <= crowd.sum()
            for box, label in zip(own, got["labels"][i], strict=False):
                near = np.abs(want - box).max(axis=1)
                assert near.min() < 1  # the picture's size is rounded to whole pixels
                assert label in np.array(row["objects"]["label"])[near < 1]
    if objects:
        everything = load_splits(data_config(name, max_boxes=100, image_size=(32,)))["train"]
        assert everything.batch(np.arange(everything.size))["kept"].sum() == objects


@prepared
def test_captions_are_words_of_the_training_split():
    from jaxdl.data.captions import decode_caption

    splits = load_splits(data_config("coco_captions/2014", max_length=20, image_size=(32,)))
    row = splits["train"].example
    assert row["captions"].shape == (5, 20)
    said = decode_caption(row["captions"][0], splits["train"].vocabulary)
    assert said == "a stuffed bear set in front of a cup of coffee"
    assert splits["test"].vocabulary == splits["train"].vocabulary


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
    got = load_splits(data_config(name, dir=str(tmp_path), batch_size=2))
    assert got["train"].example["image"].shape == shape
    assert (got["train"].size, len(got["test"].classes)) == (6, classes)
    batch = got["train"].batch(np.arange(6))
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0] // 40, batch["label"] - 1)


@pytest.mark.parametrize("name", ["../mnist", "/etc", "-rf", "a\0b", "m" * 300 + "/..", "a/../b"])
def test_names_that_leave_the_folder(name, tmp_path):
    with pytest.raises(UsageError, match=r"data\.name"):
        open_tfds(TfdsData(name, dir=str(tmp_path / "sets")))
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
        load_splits(data_config("coco/2017", dir=str(tmp_path)))
    assert "prepare it again" in str(caught.value)
