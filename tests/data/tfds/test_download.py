"""First downloads against what the builders of tensorflow-datasets write; what cannot be said."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxdl.checks import DataError
from jaxdl.data.tfds.download import prepare_set

ROOT = Path(__file__).parents[3]
BLOCKER = """
import builtins
genuine = builtins.__import__
def guarded(name, *args, **kwargs):
    if name.split(".")[0] == "tensorflow":
        raise ModuleNotFoundError(f"No module named {name!r}")
    return genuine(name, *args, **kwargs)
builtins.__import__ = guarded
"""
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
from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits
folder = prepare_set(Tiny(data_dir=sys.argv[1], file_format="array_record"))
assert list(folder.glob("*.array_record*")), list(folder.iterdir())
cfg = data_config("tiny", dir=sys.argv[1], clip_frames=2, image_size=(8,), batch_size=2)
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
