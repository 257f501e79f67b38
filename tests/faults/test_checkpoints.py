"""Checkpoints that are damaged, of another model or dtype, or of another version of jaxdl."""

import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import CheckpointError
from jaxdl.runs import manifest
from jaxdl.runs.checkpoint import Checkpoints, params_sha256
from jaxdl.runs.environment import versions
from jaxdl.runs.manifest import CheckpointCorruptError

TREE = {
    "params": {"w": jnp.arange(3000.0).reshape(50, 60), "b": jnp.zeros(60)},
    "key": jax.random.key(7),
    "n": jnp.int32(3),
}
VERSION = versions()["jaxdl"]
FIRST_RELEASE = Path(__file__).parent / "first_release"


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory):
    """A folder with the steps 1 and 2."""
    kept = Checkpoints(tmp_path_factory.mktemp("two") / "checkpoints", config={"a": {"b": 1}})
    kept.save(1, TREE, {})
    kept.save(2, TREE | {"n": jnp.int32(4)}, {})
    return kept.folder


def files_of_step_two(folder):
    """Every file that step 2 consists of, its manifest too."""
    return [*(p for p in sorted((folder / "2").rglob("*")) if p.is_file()), *folder.glob("2.*")]


def flip(content: bytes, at: int) -> bytes:
    """`content` with one bit changed."""
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


DAMAGES = {
    "cut": lambda path, content: path.write_bytes(content[:-1]),
    "empty": lambda path, content: path.write_bytes(b""),
    "a flipped bit": lambda path, content: path.write_bytes(flip(content, len(content) // 2)),
    "missing": lambda path, content: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damaged_file_is_found_and_the_earlier_step_used(two_steps, tmp_path, damage):
    kept = Checkpoints(shutil.copytree(two_steps, tmp_path / "copy"))
    files = files_of_step_two(kept.folder)
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        if not content:
            continue
        DAMAGES[damage](path, content)
        with pytest.raises(CheckpointCorruptError, match=path.name) as raised:
            kept.verify(2)
        assert "\n" not in str(raised.value)
        path.write_bytes(content)
    kept.verify(2)
    largest = max(files, key=lambda path: path.stat().st_size)
    DAMAGES[damage](largest, largest.read_bytes())
    with pytest.warns(RuntimeWarning, match=f"{largest.name}.*using step 1"):
        state, step, _ = kept.restore(TREE)
    assert (step, params_sha256(state)) == (1, params_sha256(TREE))


def test_every_bit_of_a_data_file_counts(two_steps, tmp_path):
    kept = Checkpoints(shutil.copytree(two_steps, tmp_path / "copy"))
    path = max(files_of_step_two(kept.folder), key=lambda path: path.stat().st_size)
    content, draw = path.read_bytes(), np.random.default_rng(0)
    for at in draw.integers(len(content), size=50):
        path.write_bytes(flip(content, int(at)))
        with pytest.raises(CheckpointCorruptError, match="damaged"):
            kept.verify(2)


def test_nothing_is_used_where_all_are_damaged(two_steps, tmp_path):
    kept = Checkpoints(shutil.copytree(two_steps, tmp_path / "copy"))
    for step in (1, 2):
        (kept.folder / str(step) / "_CHECKPOINT_METADATA").unlink()
    with pytest.raises(CheckpointCorruptError, match="2/_CHECKPOINT_METADATA is missing; .*1/_CHE"):
        kept.restore(TREE)


def test_another_model_is_named_path_by_path(two_steps):
    other = {f"layer{i:02}": jnp.zeros(2) for i in range(12)}
    like = {**TREE, "params": {"w": jnp.zeros((50, 61)), **other}}
    with pytest.raises(CheckpointError) as raised:
        Checkpoints(two_steps, config={"a": {"b": 2}}).restore(like)
    lines = str(raised.value).splitlines()
    assert lines[0].endswith(f"2 (written by jaxdl {VERSION}) does not fit the model:")
    assert lines[1] == "  params.b: not in the model, float32(60,) in the checkpoint"
    assert lines[2] == "  params.layer00: float32(2,) in the model, not in the checkpoint"
    assert lines[11:] == ["  and 4 more", "  config a.b: 1 when saved, 2 now"]
    like = {**TREE, "params": {**TREE["params"], "w": jnp.zeros((50, 61))}}
    with pytest.raises(CheckpointError, match=r"w: float32\(50, 61\) in .*float32\(50, 60\) in "):
        Checkpoints(two_steps).restore(like)


@pytest.mark.parametrize(("path", "dtype"), [("n", jnp.float32), ("n", jnp.int16)])
def test_another_dtype_is_cast_only_when_asked(two_steps, path, dtype):
    kept, like = Checkpoints(two_steps), TREE | {path: jnp.zeros((), dtype)}
    with pytest.raises(CheckpointError, match=rf"{path}: {dtype.__name__}\(\) .* int32\(\)"):
        kept.restore(like)
    value = kept.restore(like, cast=True)[0][path]
    assert (value.dtype, float(value)) == (dtype, 4)


def test_going_back_moves_later_steps_aside(two_steps, tmp_path):
    kept = Checkpoints(shutil.copytree(two_steps, tmp_path / "copy"), keep=3)
    kept.save(5, TREE, {})
    state, _, _ = kept.restore(TREE, step=1)
    kept.save(2, state, {"again": True})
    assert kept.steps() == [1, 2]
    assert kept.restore(TREE)[1:] == (2, {"again": True})
    assert int(kept.restore(TREE)[0]["n"]) == 3
    aside = Checkpoints(kept.folder / "aside-1")
    assert aside.steps() == [2, 5]
    aside.verify(5)
    kept.save(2, state, {})
    assert Checkpoints(kept.folder / "aside-2").steps() == [2]


@pytest.mark.parametrize(
    "name", ["../../outside", "/tmp/outside", "a/../../b", "-x", "x" * 300, "a\0b", "é"]
)
def test_names_of_arrays_stay_inside_the_folder(tmp_path, name):
    kept = Checkpoints(tmp_path / "a" / "b" / "checkpoints")
    tree = {"params": {name: jnp.arange(3.0)}}
    kept.save(1, tree, {})
    np.testing.assert_array_equal(kept.restore(tree)[0]["params"][name], np.arange(3.0))
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["checkpoints"]
    assert {p.name for p in kept.folder.iterdir()} == {"1", "1.manifest.json"}
    assert not Path("/tmp/outside").exists()


def test_two_arrays_of_one_path_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"two arrays have the path 'a\.b'"):
        Checkpoints(tmp_path).save(1, {"a.b": jnp.zeros(1), "a": {"b": jnp.ones(1)}}, {})


def test_a_folder_without_a_manifest_is_not_deleted(two_steps, tmp_path):
    kept = Checkpoints(shutil.copytree(two_steps, tmp_path / "copy"))
    (kept.folder / "2.manifest.json").unlink()
    assert kept.steps() == [1]
    assert kept.clean() == [kept.folder / "2"]
    assert (kept.folder / "aside-1" / "2").is_dir()
    assert kept.clean() == []


def test_the_checkpoint_of_the_first_release_loads():
    like = {"params": {"w": jnp.zeros((2, 3))}, "key": jax.random.key(0), "n": jnp.int32(0)}
    state, step, host = Checkpoints(FIRST_RELEASE).restore(like)
    assert (step, host) == (7, {"note": "first"})
    np.testing.assert_array_equal(state["params"]["w"], np.arange(6.0).reshape(2, 3))
    assert int(state["n"]) == 5
    assert jax.random.uniform(state["key"]) == jax.random.uniform(jax.random.key(7))


def test_a_format_of_another_version_says_who_wrote_it(two_steps, tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path / "later")
    monkeypatch.setattr(manifest, "FORMAT", 9)
    kept.save(1, TREE, {})
    monkeypatch.undo()
    assert json.loads((kept.folder / "1.manifest.json").read_text())["format"] == 9
    with pytest.raises(CheckpointError, match=f"written by jaxdl {VERSION} in format 9.*format 1"):
        kept.restore(TREE)


def test_averages_without_batch_statistics_say_what_to_do(tmp_path):
    """As versions saved them that averaged parameters alone."""
    state = {"ema": {"w": jnp.ones(2)}, "ema_extra": {"mean": jnp.zeros(2)}}
    Checkpoints(tmp_path).save(1, {"ema": state["ema"]}, {})
    with pytest.raises(CheckpointError, match=r"(?s)ema_extra\.mean.*end that run with that vers"):
        Checkpoints(tmp_path).restore(state)
