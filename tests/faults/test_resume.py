"""A resumed run is the uninterrupted one, or says why not."""

import dataclasses
import json
import os
import shutil
import signal

import numpy as np
import pytest

from jaxdl.checks import CheckpointError
from jaxdl.optim.config import SGD, Adam
from jaxdl.runs.checkpoint import Checkpoints, flatten, params_sha256
from jaxdl.runs.metrics_log import read_rows
from jaxdl.training import chunk as chunk_module
from jaxdl.training.loop import Stopped, fit
from jaxdl.training.plan import LoopConfig
from tests.faults.conftest import BASE, CLOCK, numbers, report, saved_steps
from tests.training import toys

LOOP = LoopConfig(
    steps=36, log_every=3, eval_every=9, save_every=18, best="val_score", on_nan="skip", devices=1
)
ADAM = Adam(lr=0.01, schedule="cosine", warmup=4, ema=0.9, clip_norm=1.0)


def score(state, split, folder):
    """An evaluation that is best in the middle of the run."""
    return {"score": -abs(int(state.step) - 27)}


def everything(poison=7):
    """A task with noise, batch norm, a schedule, averaged weights, evaluations and a bad step."""
    return toys.classifier(ADAM, steps=36, poison=poison, evaluate=score)


def signalling(task):
    """The task, with a real SIGTERM in the middle of a log interval."""

    def rate(step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return task.rate(step)

    return dataclasses.replace(task, rate=rate)


def numbers_of(run):
    """The rows of a fit without those of the clock."""
    return [{k: v for k, v in row.items() if k not in CLOCK} for row in run.rows]


def events(run_dir):
    """The steps with scalars that TensorBoard shows: a later start makes what follows it void."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    shown = []
    for path in sorted((run_dir / "events").iterdir(), key=lambda path: path.stat().st_mtime):
        data, at = path.read_bytes(), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += 16 + length
            if event.session_log.status == SessionLog.START:
                shown = [step for step in shown if step < event.step]
            elif event.summary.value:
                shown.append(event.step)
    return shown


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The uninterrupted run."""
    return fit(everything(), LOOP, tmp_path_factory.mktemp("whole"))


def test_nothing_of_a_run_is_lost_in_an_interruption(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(chunk_module, "CHUNK_SECONDS", 0.0)  # chunks of one step
    with pytest.raises(Stopped, match="SIGTERM"):
        fit(signalling(everything()), LOOP, tmp_path)
    (stopped,) = saved_steps(tmp_path)
    assert stopped % 3, "the signal should come between two rows"
    got = fit(everything(), LOOP, tmp_path, resume=True)
    assert params_sha256(got.state) == params_sha256(whole.state)
    assert (got.steps, got.best_step, got.skipped) == (36, whole.best_step, 1)
    assert whole.best_step == 27
    assert numbers(tmp_path) == numbers_of(whole)
    assert events(tmp_path) == list(range(3, 37, 3))


def test_the_best_state_is_one_of_the_course_that_was_taken(whole, tmp_path):
    """A run that dies after its best was saved, but not its checkpoint, goes on from before it."""

    def dying(state, split, folder):
        if int(state.step) == 36:
            raise RuntimeError("dead")
        return score(state, split, folder)

    task = dataclasses.replace(everything(), evaluate=dying)
    with pytest.raises(RuntimeError, match="dead"):
        fit(task, LOOP, tmp_path)
    assert (saved_steps(tmp_path), Checkpoints(tmp_path / "best").steps()) == ([18], [18, 27])
    got = fit(everything(), LOOP, tmp_path, resume=True)
    assert got.best_step == whole.best_step
    assert params_sha256(got.state) == params_sha256(whole.state)


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Twenty steps on four devices, and the folder of a run that stopped after ten."""
    folder = tmp_path_factory.mktemp("four")
    loop = LoopConfig(steps=20, log_every=5, save_every=10, devices=4)
    sgd = SGD(lr=0.1)
    whole = fit(toys.classifier(sgd), loop, folder / "whole")
    (folder / "half").mkdir()
    (folder / "half" / "config.toml").write_text("[optim]\nema = 0.0\n")
    fit(toys.classifier(sgd), dataclasses.replace(loop, steps=10), folder / "half")
    return whole, folder / "half", loop, sgd


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_a_run_goes_on_with_other_devices(four, tmp_path, devices):
    whole, half, loop, sgd = four
    run_dir = shutil.copytree(half, tmp_path / "run")
    got = fit(
        toys.classifier(sgd), dataclasses.replace(loop, devices=devices), run_dir, resume=True
    )
    for path, value in flatten(whole.state).items():
        np.testing.assert_allclose(flatten(got.state)[path], value, atol=1e-6, err_msg=path)
    losses = [[row["loss"] for row in rows] for rows in (whole.rows, got.rows)]
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-6)


def test_the_same_seed_gives_the_same_run(four, tmp_path):
    whole, _, loop, sgd = four
    again = fit(toys.classifier(sgd), loop, tmp_path)
    assert params_sha256(again.state) == params_sha256(whole.state)
    assert numbers(tmp_path) == numbers_of(whole)


def test_a_changed_rate_is_the_rate_from_there_on(four, tmp_path):
    _, half, loop, _ = four
    run_dir = shutil.copytree(half, tmp_path / "run")
    still = SGD(lr=0.0)
    got = fit(toys.classifier(still), loop, run_dir, resume=True)
    kept = Checkpoints(half / "checkpoints").restore(got.state)[0]
    assert params_sha256(got.state.params) == params_sha256(kept.params)
    assert int(got.state.step) == 20


def test_a_damaged_folder_ends_as_the_uninterrupted_run(start, reference, tmp_path):
    """The newest checkpoint has a flipped bit, and metrics.jsonl is cut in the middle of a row."""
    run_dir = shutil.copytree(reference, tmp_path / "run")
    newest = run_dir / "checkpoints" / "880"
    largest = max(newest.rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[100] ^= 1
    largest.write_bytes(content)
    metrics = run_dir / "metrics.jsonl"
    lines = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(b"".join(lines[:19]) + lines[19][:30])
    command = start(*BASE, "--run-dir", run_dir, "--resume")
    assert command.wait() == 0, command.said
    assert f"warning: checkpoint file {largest} is damaged (sha256 differs); using step 792\n" in (
        command.said
    )
    assert report(run_dir)["params_sha256"] == report(reference)["params_sha256"]
    assert numbers(run_dir) == numbers(reference)
    assert saved_steps(run_dir) == [792, 880]
    assert (run_dir / "checkpoints" / "aside-1" / "880").is_dir()  # moved aside, not deleted


def test_a_damaged_row_costs_no_other_row(tmp_path):
    rows = [{"step": step, "loss": 1.0 / step} for step in (1, 2, 3)]
    lines = [json.dumps(row).encode() for row in rows]
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(lines[0] + b"\n\x00\xff\x00\n12\n" + lines[1] + b"\n" + lines[2][:-3])
    assert read_rows(path) == rows[:2]


CHANGES = {
    "model.hidden": ["--model.hidden", "64"],
    "data.batch_size": ["--data.batch_size", "64"],
    "optim.name": ["--optim.name", "sgd"],
    "seed": ["--seed", "1"],
}


def test_a_structural_change_is_refused_and_changes_nothing(start, reference, tmp_path):
    run_dir = shutil.copytree(reference, tmp_path / "run")
    before = {p: p.read_bytes() for p in run_dir.rglob("*") if p.is_file()}
    flags = [flag for change in CHANGES.values() for flag in change]
    command = start(*BASE, *flags, "--optim.lr=0.5", "--run-dir", run_dir, "--resume")
    assert command.wait() == 2
    assert "resuming with optim.lr = 0.5 (was 0.002)" in command.said
    for name in CHANGES:
        assert f"resuming with {name} = " in command.said
    names = ", ".join(sorted(CHANGES))
    assert f"error: resume: {names} cannot change in a run; start a new one" in command.said
    assert {p: p.read_bytes() for p in run_dir.rglob("*") if p.is_file()} == before


def test_a_change_that_the_checkpoint_does_not_fit_is_named(four, tmp_path):
    _, half, loop, _ = four
    run_dir = shutil.copytree(half, tmp_path / "run")
    (run_dir / "config.toml").write_text("[optim]\nema = 0.9\n")
    averaged = SGD(lr=0.1, ema=0.9)
    with pytest.raises(CheckpointError) as raised:
        fit(toys.classifier(averaged), loop, run_dir, resume=True)
    assert "ema.hidden.bias: float32(8,) in the model, not in the checkpoint" in str(raised.value)
    assert "config optim.ema: 0.0 when saved, 0.9 now" in str(raised.value)


def test_a_finished_run_is_only_reported_again(start, reference, tmp_path):
    run_dir = shutil.copytree(reference, tmp_path / "run")
    (run_dir / "report.json").unlink()
    command = start(*BASE, "--run-dir", run_dir, "--resume")
    assert command.wait() == 0, command.said
    assert "compiling" not in command.said
    again, before = report(run_dir), report(reference)
    assert again["params_sha256"] == before["params_sha256"]
    assert again["metrics"] == before["metrics"]
    assert again["seconds"]["total"] > before["seconds"]["total"]
    assert saved_steps(run_dir) == saved_steps(reference)
