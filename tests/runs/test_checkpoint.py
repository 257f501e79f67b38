"""Checkpoints come back bit for bit, or not at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.runs.checkpoint import Checkpoints, params_sha256
from jaxdl.runs.manifest import CheckpointCorruptError

TREE = {
    "a": {"w": jnp.arange(6.0).reshape(2, 3), "empty": jnp.zeros((0, 3))},
    "none": {},
    "key": jax.random.key(7),
    "n": jnp.int32(3),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    kept = Checkpoints(tmp_path_factory.mktemp("kept"))
    kept.save(5, TREE, {"note": [1.5, "x"]})
    return kept


def test_what_was_saved_comes_back(saved):
    state, step, host = saved.restore(jax.tree.map(jnp.zeros_like, TREE))
    assert (step, host) == (5, {"note": [1.5, "x"]})
    assert params_sha256(state) == params_sha256(TREE)
    assert jax.random.uniform(state["key"]) == jax.random.uniform(TREE["key"])


def test_the_hash_sees_values_shapes_and_names():
    base = params_sha256({"a": np.zeros(4, np.float32)})
    others = [{"b": np.zeros(4, np.float32)}, {"a": np.zeros((2, 2), np.float32)}]
    others += [{"a": np.ones(4, np.float32)}, {"a": np.zeros(4, np.int32)}]
    assert len({base, *map(params_sha256, others)}) == 5


def test_another_model_is_named_path_by_path(saved):
    other = TREE | {"a": {"w": jnp.zeros((2, 4)), "empty": TREE["a"]["empty"]}, "b": jnp.ones(1)}
    with pytest.raises(CheckpointError, match=r"a\.w: float32\(2, 4\) in the model.*\(2, 3\)"):
        saved.restore(other)
    with pytest.raises(CheckpointError, match=r"b: .* not in the checkpoint"):
        saved.restore(other)


def test_another_dtype_is_cast_only_when_asked(saved):
    other = TREE | {"n": jnp.float32(0)}
    with pytest.raises(CheckpointError, match="n: float32.*int32"):
        saved.restore(other)
    assert saved.restore(other, cast=True)[0]["n"].dtype == jnp.float32


def test_a_flipped_bit_is_found_and_the_earlier_step_is_used(tmp_path):
    kept = Checkpoints(tmp_path)
    kept.save(1, TREE, {})
    kept.save(2, TREE | {"n": jnp.int32(4)}, {})
    largest = max((tmp_path / "2").rglob("*"), key=lambda p: p.is_file() and p.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    with pytest.raises(CheckpointCorruptError, match="damaged"):
        kept.verify(2)
    with pytest.warns(RuntimeWarning, match="using step 1"):
        state, step, _ = kept.restore(TREE)
    assert (step, int(state["n"])) == (1, 3)


def test_only_the_newest_are_kept_and_later_ones_step_aside(tmp_path):
    kept = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        kept.save(step, TREE, {})
    assert kept.steps() == [2, 3]
    kept.save(2, TREE, {})
    assert kept.steps() == [2]
    assert [path.name for path in tmp_path.glob("aside-*/*.json")] != []


def test_a_fresh_run_does_not_write_over_checkpoints(saved):
    with pytest.raises(UsageError, match="already holds checkpoints"):
        Checkpoints(saved.folder, fresh=True)


def test_a_folder_that_goes_between_save_and_drop_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "checkpoints"
    checkpoints = Checkpoints(folder, keep=1)
    checkpoints.save(1, TREE, {})

    def moved(steps):
        steps = list(steps)
        folder.rename(tmp_path / "elsewhere")
        Checkpoints.drop(checkpoints, steps)

    monkeypatch.setattr(checkpoints, "drop", moved)
    with pytest.raises(CheckpointError, match=f"cannot be written to {folder}.*is gone"):
        checkpoints.save(2, TREE, {})
