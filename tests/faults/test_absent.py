"""What is not there: optional packages, data sets, the network; and copies of sets half made."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from jaxdl.checks import DataError, UsageError
from jaxdl.data.tfds import decoded as tfds
from jaxdl.draw import Figure
from tests.faults.conftest import OPTIONAL, ROOT, report


def test_the_package_and_its_lists_need_nothing_optional():
    absent = [*OPTIONAL, "matplotlib", "jax", "numpy"]
    code = f"import sys; sys.modules.update(dict.fromkeys({absent})); import jaxdl, jaxdl.cli"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}; jaxdl.cli.main(argv=['list'])"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    assert "digits_mlp" in ran.stdout


def test_a_run_needs_nothing_optional(reference):
    said = (reference.parent / "0.err").read_bytes().decode()
    assert report(reference)["metrics"]["test_accuracy"] > 0.9
    assert "warning" not in said


def test_what_needs_an_absent_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError, match='a picture needs matplotlib.*pip install "matplotlib"'):
        Figure()


def test_a_set_that_is_not_there_is_said_at_once(start, tmp_path):
    run = ["run", "mnist_mlp5", "--data.dir", tmp_path / "sets", "--run-dir", tmp_path / "run"]
    command = start(*run, conditions=[("no_network",)])
    assert command.wait() == 6, command.said
    assert command.cpu < 5  # and no waiting: tfds itself would try for 205 s
    assert command.seconds < 30
    assert f"data set 'mnist' is not prepared under {tmp_path / 'sets'}" in command.said
    assert (
        "prepare it there once, with a network: --data.download true, or python -c" in command.said
    )
    assert "Traceback" not in command.said
    assert not (tmp_path / "sets").exists()
    assert not (tmp_path / "run").exists()


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A copy of the prepared set, whose files may be damaged, and an empty cache."""
    source = Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")) / "fashion_mnist"
    if not source.is_dir():
        pytest.skip("needs fashion_mnist under TFDS_DATA_DIR")
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "sets" / "fashion_mnist"
    shutil.copytree(source, folder)
    (version,) = folder.iterdir()
    for path in (folder, version, *version.iterdir()):
        path.chmod(0o755)
    return version


def test_a_damaged_set_is_named(mnist):
    data = max(mnist.iterdir(), key=lambda path: path.stat().st_size)
    data.write_bytes(data.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"fashion_mnist/\w+ in .*cannot be read.*prepare the set"):
        tfds.load_tfds("fashion_mnist", mnist)
    info = mnist / "dataset_info.json"
    info.write_bytes(info.read_bytes()[:40])
    with pytest.raises(DataError, match="or is damaged"):
        tfds.load_tfds("fashion_mnist", mnist)
    assert list((tfds.cache_dir() / "decoded").glob(".part-*")) == []


def test_an_interrupted_preparation_is_not_taken_for_a_set(tmp_path):
    for name in ("3.0.1.incompleteA1B2", "2.9.0", "2.10.0"):
        (tmp_path / "mnist" / name).mkdir(parents=True)
        (tmp_path / "mnist" / name / "dataset_info.json").write_text("{}")
    assert tfds.prepared_version("mnist", tmp_path).name == "2.10.0"


def few_rows(builder, split, shape):
    """Ten rows in place of a whole split."""
    return np.full((10, *shape), 7, np.uint8), np.arange(10, dtype=np.int32)


def test_a_damaged_copy_is_made_again(mnist, monkeypatch):
    monkeypatch.setattr(tfds, "_decode_split", few_rows)  # reading it all takes too long here
    tfds.load_tfds("fashion_mnist", mnist)
    (copy,) = (tfds.cache_dir() / "decoded").glob("fashion_mnist-*")
    for name in ("train-image.npy", "info.json"):
        (copy / name).write_bytes((copy / name).read_bytes()[:-20])
        with pytest.warns(RuntimeWarning, match="is damaged.*decoding again"):
            arrays, classes = tfds.load_tfds("fashion_mnist", mnist)
        assert arrays["train"]["image"].shape == (10, 28, 28, 1)
        assert len(classes) == 10


def test_a_changed_bit_and_a_half_made_copy_are_found_and_healed_once(mnist, monkeypatch):
    made = []

    def count(builder, split, shape):
        made.append(split)
        return few_rows(builder, split, shape)

    monkeypatch.setattr(tfds, "_decode_split", count)
    before, _ = tfds.load_tfds("fashion_mnist", mnist)
    (copy,) = (tfds.cache_dir() / "decoded").glob("fashion_mnist-*")
    held = before["train"]["image"]  # another run, which has it mapped
    path = copy / "train-image.npy"
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    half = copy.with_name("half")
    half.mkdir()
    (half / "train-image.npy").write_bytes(content)
    harms = {
        "train-image.npy: its checksum differs": lambda: (
            path.unlink(),
            path.write_bytes(content),
        ),
        "is damaged": lambda: (shutil.rmtree(copy), half.rename(copy)),
        "is of another version": lambda: (copy / "info.json").write_text('{"splits": ["train"]}'),
    }
    for problem, harm in harms.items():
        harm()
        made.clear()
        with pytest.warns(RuntimeWarning, match=f"{problem}.*decoding again"):
            arrays, _ = tfds.load_tfds("fashion_mnist", mnist)
        assert (arrays["train"]["image"] == 7).all()
        assert sorted(made) == ["test", "train"]
        tfds.load_tfds("fashion_mnist", mnist)
        assert len(made) == 2
    assert (held == 7).all()
    assert tfds.stale_parts() == []


def test_a_copy_is_shared_by_users_and_made_by_one_of_many(mnist, monkeypatch):
    """Six begin at once (a lock is a file's, threads are as good); the umask says who may read."""
    made = []

    def slow(builder, split, shape):
        made.append(split)
        time.sleep(0.1)
        return few_rows(builder, split, shape)

    monkeypatch.setattr(tfds, "_decode_split", slow)
    before = os.umask(0o022)
    try:
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda _: tfds.load_tfds("fashion_mnist", mnist), range(6)))
    finally:
        os.umask(before)
    assert all((arrays["train"]["image"] == 7).all() for arrays, _ in found)
    assert sorted(made) == ["test", "train"]
    (copy,) = (tfds.cache_dir() / "decoded").glob("fashion_mnist-*")
    modes = {oct(path.stat().st_mode & 0o777) for path in copy.iterdir()}
    assert (oct(copy.stat().st_mode & 0o777), modes) == ("0o755", {"0o644"})


def test_a_copy_that_was_half_made_is_deleted(mnist, monkeypatch):
    monkeypatch.setattr(tfds, "_decode_split", few_rows)
    stale = tfds.cache_dir() / "decoded" / ".part-killed"
    stale.mkdir(parents=True)
    (stale / "train-image.npy").write_bytes(bytes(100))
    assert tfds.stale_parts() == [stale]
    tfds.load_tfds("fashion_mnist", mnist)
    assert tfds.stale_parts() == []


def test_a_cache_that_cannot_be_written_is_named(mnist, monkeypatch):
    monkeypatch.setattr(tfds, "_decode_split", few_rows)
    (mnist.parents[2] / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot be written to .*set JAXDL_CACHE_DIR"):
        tfds.load_tfds("fashion_mnist", mnist)


def test_a_run_that_has_not_ended_cannot_predict(tmp_path):
    from jaxdl.data.run_example import load_run_example

    (tmp_path / "classes.json").write_text(json.dumps(["a"]))
    with pytest.raises(ValueError, match="the run has not ended yet; continue it with --resume"):
        load_run_example(tmp_path)
