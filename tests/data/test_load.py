"""Data sets by name: the real ones where they are prepared, their slices, and what is refused."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import DataConfig, data_config
from jaxdl.data.load import load_splits
from jaxdl.data.tfds.decoded import load_tfds

prepared = pytest.mark.skipif(
    not (Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")) / "mnist").is_dir(),
    reason="TFDS_DATA_DIR has no prepared mnist",
)

TFDS = "tensorflow_datasets"
BLOCKER = """
import builtins, sys
genuine = builtins.__import__
def guarded(name, *args, **kwargs):
    if name.split(".")[0] == sys.argv[1]:  # asking whether it is installed is allowed
        raise ModuleNotFoundError(f"{name} is blocked")
    return genuine(name, *args, **kwargs)
builtins.__import__ = guarded
from jaxdl.data.tfds.decoded import load_tfds
"""


def test_digits_are_those_of_scikit_learn_split_by_label():
    from sklearn.datasets import load_digits

    splits = load_splits(DataConfig())
    assert (splits["train"].size, splits["test"].size) == (1437, 360)
    both = [splits[k].read("image") for k in ("train", "test")]
    got = np.sort(np.concatenate(both).reshape(1797, 64), axis=0)
    want = np.sort(np.round(load_digits().data * 255 / 16), axis=0)
    np.testing.assert_array_equal(got, want)
    counts = np.bincount(splits["test"].read("label"))
    assert counts.min() >= 34
    assert counts.max() <= 38


@prepared
@pytest.mark.parametrize(
    ("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion_mnist", 0.2860, 0.3530)]
)
def test_real_sets_have_their_published_statistics(name, mean, std):
    splits = load_splits(data_config(name))
    image = splits["train"].read("image")
    assert image.shape == (60000, 28, 28, 1)
    assert image.dtype == np.uint8
    assert image.mean() / 255 == pytest.approx(mean, abs=5e-5)
    assert image.std() / 255 == pytest.approx(std, abs=5e-5)
    assert splits["test"].size == 10000
    assert len(splits["train"].classes) == 10


@prepared
def test_a_set_is_read_without_tensorflow_and_once_decoded_without_tfds(tmp_path):
    load_tfds("mnist")
    code = BLOCKER + "print(load_tfds('mnist')[0]['train']['label'][:3])\n"
    code += "assert sys.argv[1] not in sys.modules"
    for blocked, cache in (("tensorflow", {"JAXDL_CACHE_DIR": str(tmp_path)}), (TFDS, {})):
        command = [sys.executable, "-c", code, blocked]
        env = os.environ | cache
        out = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        assert out.stdout.strip() == "[4 1 0]"


@pytest.mark.parametrize("classes", [("7", "2"), ("0", "3", "9")])
@pytest.mark.parametrize("placement", ["device", "stream"])
def test_chosen_classes_are_numbered_in_their_order(classes, placement):
    from sklearn.datasets import load_digits

    digits = load_digits()
    splits = load_splits(
        DataConfig(name="digits", classes=classes, placement=placement, batch_size=8)
    )
    found = [split.batch(np.arange(split.size)) for split in splits.values()]
    assert splits["train"].classes == classes
    for place, name in enumerate(classes):
        ours = [rows["image"][rows["label"] == place, ..., 0] for rows in found]
        truth = digits.images[digits.target == int(name)] / 16
        total = sum((image / 255).sum(dtype=np.float64) for image in ours)
        assert sum(map(len, ours)) == len(truth)
        np.testing.assert_allclose(total, truth.sum(), rtol=2e-3)  # pixels of 17 levels
    assert sum(map(len, (rows["label"] for rows in found))) == sum(
        (digits.target == int(name)).sum() for name in classes
    )


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("digits", ("7", "seven"), "seven"),
        ("digits", ("7", "7"), "twice"),
        ("shapes", ("circle",), "no single label"),
    ],
)
def test_classes_that_cannot_be_chosen(name, classes, message):
    with pytest.raises(UsageError, match=message):
        load_splits(data_config(name, classes=classes))


def test_a_set_that_is_not_prepared_is_named_at_once(tmp_path):
    began = time.monotonic()
    with pytest.raises(DataError, match=r"'kmnist' is not prepared under .*download_and_prepare"):
        load_splits(data_config("kmnist", dir=str(tmp_path)))
    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_set_gets_the_nearest_names(tmp_path):
    with pytest.raises(UsageError, match=r"no 'mnits'; did you mean .*mnist"):
        load_splits(data_config("mnits", dir=str(tmp_path)))
