"""`jaxdl run`: what it leaves was promised, TensorBoard's own format reads it, nothing is lost."""

import json

import jax
import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import run
from tests.commands.asking import ask
from tests.commands.conftest import MLP


def test_a_run_leaves_all_that_was_promised(trained):
    report = json.loads((trained / "report.json").read_text())
    assert report["name"] == "digits_mlp"
    assert report["command"] == "jaxdl run " + " ".join(MLP)
    assert report["experiment"] == "classification.train"
    assert report["config"]["model"].items() >= {"name": "mlp", "hidden": [16]}.items()
    assert 0.5 < report["metrics"]["test_accuracy"] <= 1
    assert report["metrics"]["test_loss"] > 0
    assert report["seconds"].keys() == {"total", "compile", "train"}
    assert report["steps"] == 264
    assert report["examples_per_second"] > 0
    assert len(report["params_sha256"]) == 64
    assert report["versions"]["jax"] == jax.__version__
    names = {"config.toml", "environment.json", "classes.json", "metrics.jsonl", "curves.png"}
    names |= {"checkpoints", "events", "mistakes.png", "confusion.png"}
    assert names <= {path.name for path in trained.iterdir()}
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [44, 88, 132, 176, 220, 264]


def test_tensorboard_can_read_the_events(trained):
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c  # noqa: F401  (the writer's own format)

    (path,) = (trained / "events").iterdir()
    data, tags, at = path.read_bytes(), set(), 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + length])
        tags |= {value.tag for value in event.summary.value}
        at += 16 + length
    assert {"loss/train", "accuracy/train", "lr"} <= tags


def test_a_run_folder_is_never_overwritten(trained):
    before = (trained / "report.json").read_bytes()
    with pytest.raises(UsageError, match=f"--run-dir {trained} --resume"):
        ask(run, "--config", *MLP, "--run-dir", trained)
    assert (trained / "report.json").read_bytes() == before


def test_another_structure_is_not_resumed(trained, capsys):
    changed = ["--model.hidden", "17", "--optim.lr", "0.5"]
    with pytest.raises(UsageError, match=r"model\.hidden cannot change"):
        ask(run, "--config", *MLP, *changed, "--run-dir", trained, "--resume")
    assert "optim.lr = 0.5 (was 0.002)" in capsys.readouterr().err


def test_what_trains_nothing_is_not_resumed(tmp_path):
    with pytest.raises(UsageError, match=r"--resume: classic\.neighbors has no Task"):
        ask(run, "--config", "digits_knn", "--resume", "--run-dir", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_go_on_names_no_command_for_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.json").touch()
    with pytest.raises(UsageError, match="exists; choose another with --run-dir$"):
        ask(run, "--config", "digits_knn", "--run-dir", tmp_path / "run")


def test_a_config_that_fails_at_once_names_no_folder_to_continue(tmp_path, capsys):
    with pytest.raises(UsageError, match="there is no 'nope'"):
        ask(run, "--config", *MLP, "--data.name", "nope", "--run-dir", tmp_path / "run")
    said = capsys.readouterr().err
    assert f"run folder {tmp_path / 'run'} is not kept: nothing has been made\n" in said
    assert "--resume" not in said
    assert not (tmp_path / "run").exists()


def test_a_run_without_a_length_is_refused_before_its_folder_is_made(tmp_path):
    with pytest.raises(UsageError, match=r"loop\.steps and loop\.epochs are both None; give one"):
        ask(run, "--config", *MLP, "--loop.epochs", "None", "--run-dir", tmp_path / "run")
    assert not (tmp_path / "run").exists()
