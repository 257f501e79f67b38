"""A run folder from a stranger: what is no file or folder is refused by name, never followed."""

import os
import socket

import jax.numpy as jnp
import pytest

from jaxdl.checks import UsageError
from jaxdl.experiment import read_run
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.runs.lock import NAME, hold, holder
from jaxdl.runs.manifest import CheckpointCorruptError

TREE = {"params": {"w": jnp.arange(6.0)}}


def bind(path, there):
    with socket.socket(socket.AF_UNIX) as end:
        os.chdir(path.parent)  # such a name has 108 characters at most
        end.bind(path.name)


KINDS = {
    "a link to a file": lambda path, there: path.symlink_to(there / "precious"),
    "a link to a folder": lambda path, there: path.symlink_to(there),
    "a link to nothing": lambda path, there: path.symlink_to(there / "absent"),
    "a pipe": lambda path, there: os.mkfifo(path),
    "a socket": bind,
    "a link to a device": lambda path, there: path.symlink_to("/dev/zero"),
}
PLACES = (
    NAME,
    "config.toml",
    "metrics.jsonl",
    "report.json.part",
    "events",
    "best",
    "checkpoints/1.manifest.json",
    "checkpoints/1/default/_METADATA",
    "checkpoints/3.orbax-checkpoint-tmp",
)


@pytest.fixture
def outside(tmp_path):
    """A folder that is none of the run's."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    (folder / "3.orbax-checkpoint-tmp").mkdir()
    yield folder
    assert (folder / "precious").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["3.orbax-checkpoint-tmp", "precious"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_taken(tmp_path, monkeypatch, outside, kind):
    monkeypatch.chdir(tmp_path)
    for i, place in enumerate(PLACES):
        path = tmp_path / str(i) / place
        path.parent.mkdir(parents=True)
        KINDS[kind](path, outside)
        what = "a link" if "link" in kind else "a pipe, a socket or a device"
        with pytest.raises(UsageError) as raised, hold(tmp_path / str(i)):
            pass
        assert f"holds {str(path)!r}, {what}: remove it" in str(raised.value)
        assert [p for p in (tmp_path / str(i)).rglob(NAME) if p != path] == []
        assert holder(tmp_path / str(i)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_not_read(tmp_path, monkeypatch, outside, kind):
    """`show run` and `predict` hold no lock."""
    monkeypatch.chdir(tmp_path)
    for name in ("config", "example"):
        (tmp_path / name).mkdir()
    KINDS[kind](tmp_path / "config" / "config.toml", outside)
    with pytest.raises(UsageError, match=r"no config\.toml|config.toml, .*: remove it"):
        read_run(tmp_path / "config", [])
    (tmp_path / "example" / "config.toml").write_text('experiment = "classification.train"')
    KINDS[kind](tmp_path / "example" / "example.npz", outside)
    with pytest.raises(UsageError, match=r"example\.npz, .*: remove it"):
        read_run(tmp_path / "example", [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_with_it_is_not_used(tmp_path, monkeypatch, outside, kind):
    monkeypatch.chdir(tmp_path)
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.save(1, TREE, {})
    strange = kept.folder / "1" / "default" / "strange"
    KINDS[kind](strange, outside)
    with pytest.raises(CheckpointCorruptError, match=f"{strange} is a "):
        kept.restore(TREE)
    strange.unlink()
    manifest = kept.folder / "1.manifest.json"
    manifest.unlink()
    KINDS[kind](manifest, outside)
    with pytest.raises(CheckpointCorruptError, match=f"{manifest} is damaged"):
        kept.verify(1)
