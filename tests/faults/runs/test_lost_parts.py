"""Parts of a run that are gone or not its own: refused or said, never silently another run."""

import json
import shutil
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.config import read_toml
from jaxdl.optim.config import SGD
from jaxdl.runs import manifest
from jaxdl.runs.checkpoint import Checkpoints, describe, params_sha256
from jaxdl.runs.lock import hold
from jaxdl.runs.manifest import CheckpointCorruptError
from jaxdl.runs.run_folder import open_run, run_folder, write_toml
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from tests.training import toys

LOOP = LoopConfig(steps=12, log_every=2, save_every=4, devices=1)
TABLE = {"experiment": "a.b", "seed": 3, "optim": {"lr": 0.1}}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A run that has ended, with its config and checkpoints."""
    folder = tmp_path_factory.mktemp("ended") / "run"
    with open_run(folder, TABLE, resume=False, again="again"):
        result = fit(toys.classifier(SGD(lr=0.1)), LOOP, folder)
    return folder, result


def go_on(folder, table=TABLE):
    """The run of `ended`, resumed."""
    with open_run(folder, table, resume=True, again="again"):
        return fit(toys.classifier(SGD(lr=0.1)), LOOP, folder, resume=True)


def test_without_its_config_a_run_does_not_go_on(ended, tmp_path):
    run = shutil.copytree(ended[0], tmp_path / "run")
    (run / "config.toml").unlink()
    with pytest.raises(UsageError, match=r"holds .*checkpoints.* but no config\.toml"):
        go_on(run)
    assert not (run / "config.toml").exists()


def test_a_config_that_was_edited_is_compared_with_the_checkpoints_own(ended, tmp_path):
    run = shutil.copytree(ended[0], tmp_path / "run")
    other = {**TABLE, "seed": 4}
    write_toml(run / "config.toml", other)
    with pytest.raises(UsageError, match="resume: seed cannot change"):
        go_on(run, other)


def strip(run: Path) -> None:
    for path in (run / "checkpoints").glob("*.manifest.json"):
        path.unlink()


LOSSES = {
    "all manifests": strip,
    "all checkpoints": lambda run: shutil.rmtree(run / "checkpoints"),
    "all but a report": lambda run: (
        (run / "report.json").write_text("{}"),
        (run / "metrics.jsonl").unlink(),
        shutil.rmtree(run / "checkpoints"),
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_without_checkpoints_a_run_does_not_begin_again(ended, tmp_path, loss):
    run = shutil.copytree(ended[0], tmp_path / "run")
    LOSSES[loss](run)
    before = sorted(run.rglob("*"))
    with pytest.raises(CheckpointError, match="no checkpoint is left of this run, though it "):
        go_on(run)
    assert sorted(run.rglob("*")) == before


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again_and_says_so(
    ended, tmp_path, capsys
):
    run, result = shutil.copytree(ended[0], tmp_path / "run"), ended[1]
    shutil.rmtree(run / "checkpoints")
    rows = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (run / "metrics.jsonl").write_bytes(b"".join(rows[:2]))
    again = go_on(run)
    assert "beginning again at step 0, 2 rows are written again" in capsys.readouterr().err
    assert params_sha256(again.state) == params_sha256(result.state)


def test_where_there_is_nothing_to_resume_it_is_said(tmp_path, capsys):
    with open_run(tmp_path / "new", TABLE, resume=True, again="again"):
        assert read_toml(tmp_path / "new" / "config.toml") == TABLE
    assert f"{tmp_path / 'new'} holds no run; a new one begins there" in capsys.readouterr().err


def test_the_last_run_is_the_newest_whatever_the_clock_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    made = []
    for hours in (5, 0, -7):  # summer time ends, a laptop flies west
        monkeypatch.setenv("TZ", f"X{-hours}")
        time.tzset()
        made.append(run_folder("a", None, False))
        made[-1].mkdir(parents=True)
        (made[-1] / "config.toml").touch()
        assert run_folder("a", None, True) == made[-1]
    monkeypatch.delenv("TZ")
    time.tzset()
    assert made == sorted(made)
    assert len({path.name[:15] for path in made}) == 3


def test_a_path_that_is_too_long_is_found_at_once(tmp_path):
    folder = tmp_path.joinpath(*["x" * 200] * 19)
    with (
        pytest.raises(UsageError, match=r"its path has \d{4} characters, 3841 at most"),
        hold(folder),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


TREE = {"w": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(4), "none": jnp.zeros((0, 2))}
ARRAYS = {
    "one is missing": ({"w": TREE["w"]}, "array b is missing on disk"),
    "another dtype": ({**TREE, "b": jnp.ones(4, jnp.float16)}, r"array b is float16\(4,\)"),
    "another shape": ({**TREE, "w": jnp.ones((3, 2))}, r"array w is float32\(3, 2\)"),
    "a huge one": ({**TREE, "b": jnp.ones(2**24, jnp.int8)}, r"array b is int8\(16777216,\)"),
    "one too many": ({**TREE, "c": jnp.ones(1)}, r"array c is float32\(1,\).*absent in its man"),
}


@pytest.mark.parametrize("change", ARRAYS)
def test_arrays_that_are_not_those_of_the_manifest_are_refused(tmp_path, change):
    """Whoever changes the files can write the hashes anew, but not what the model needs."""
    arrays, problem = ARRAYS[change]
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.save(1, TREE, {})
    kept.save(2, arrays, {})
    manifest.write_manifest(kept.folder / "2", describe(TREE), None, {})
    with pytest.warns(RuntimeWarning, match=f"{problem}.*; using step 1"):
        state, step, _ = kept.restore(jax.tree.map(np.zeros_like, TREE))
    assert step == 1
    assert params_sha256(state) == params_sha256(TREE)
    with pytest.raises(CheckpointCorruptError, match=problem):
        kept.restore(TREE, 2)


def test_a_manifest_that_lacks_an_entry_is_damaged(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.save(1, TREE, {})
    path = kept.folder / "1.manifest.json"
    signed = {"sha256": manifest._own_sha256({})}
    for content, problem in ((signed, "an entry is missing"), ([], "got list"), (3, "got int")):
        path.write_text(json.dumps(content))
        with pytest.raises(CheckpointCorruptError, match=f"is damaged .*{problem}"):
            kept.verify(1)
    path.write_bytes(b"[" * 200_000)
    with pytest.raises(CheckpointCorruptError, match="nested too deeply"):
        kept.verify(1)
    (kept.folder / "1" / "stray").write_text("x")
    path.unlink()
    manifest.write_manifest(kept.folder / "1", describe(TREE), None, {})
    (kept.folder / "1" / "more").write_text("x")
    with pytest.raises(CheckpointCorruptError, match=r"1/more is not in its manifest"):
        kept.verify(1)
