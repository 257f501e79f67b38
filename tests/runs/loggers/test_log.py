"""Curves and results in a person's own service, read back by the service's own package."""

import importlib
import json
import os
import struct
import subprocess
import sys

import pytest

from jaxdl.cli import main
from jaxdl.runs.loggers import log
from jaxdl.runs.metrics_log import read_rows

RUN = ("run", "digits_mlp", "--loop.steps", "6", "--loop.log_every", "2", "--loop.devices", "1")


def jaxdl(folder, *words, **environment):
    """A command in a process of its own: services keep threads."""
    command = [sys.executable, "-m", "jaxdl.cli", *words, "--run-dir", str(folder)]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_mlflow_has_the_rows_the_config_and_the_report(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    store = (tmp_path / "store").as_uri()
    done = jaxdl(
        tmp_path / "run",
        *RUN,
        "--log",
        "mlflow",
        MLFLOW_TRACKING_URI=store,
        MLFLOW_ALLOW_FILE_STORE="true",
    )
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(store)
    run_id = json.loads((tmp_path / "run" / log.NAME).read_text())["mlflow"]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["optim.name"] == "adam"
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert run.data.metrics["test_accuracy"] == report["metrics"]["test_accuracy"]
    rows = read_rows(tmp_path / "run" / "metrics.jsonl")
    sent = client.get_metric_history(run_id, "loss/train")
    assert [(m.step, m.value) for m in sent] == [(row["step"], row["loss"]) for row in rows]


def test_wandb_has_the_rows_and_a_resumed_run_goes_on(tmp_path):
    pytest.importorskip("wandb")
    offline = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path)}
    for steps in ("4", "6"):
        words = [*RUN[:3], steps, *RUN[4:], "--loop.save_every", "2", "--log", "wandb"]
        words += ["--resume"] if steps == "6" else []
        done = jaxdl(tmp_path / "run", *words, **offline)
        assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    run_id = json.loads((tmp_path / "run" / log.NAME).read_text())["wandb"]
    assert [path.stem for path in files] == [f"run-{run_id}"] * 2
    assert [[row["_step"] for row in read_wandb(path)] for path in files] == [[2, 4], [6]]
    last = read_rows(tmp_path / "run" / "metrics.jsonl")[-1]
    assert read_wandb(files[1])[-1]["loss/train"] == last["loss"]


def read_wandb(path):
    """The rows of an offline run: protocol buffers in LevelDB's log format, after 7 bytes."""
    messages = importlib.import_module("wandb.proto.wandb_internal_pb2")
    data, at, parts, rows = path.read_bytes(), 7, b"", []
    while at < len(data):
        if (left := -at % 32768) < 7 and left:  # a block's end that holds no header
            at += left
            continue
        _, size, part = struct.unpack_from("<IHB", data, at)
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if part in (1, 4):  # whole, or the last part
            record, parts = messages.Record.FromString(parts), b""
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                rows.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in items})
    return rows


def test_a_package_that_is_absent_is_named_before_anything_is_written(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SystemExit) as stop:
        main(argv=[*RUN, "--log", "wandb", "--run-dir", str(tmp_path / "run")])
    assert stop.value.code == 2
    assert 'pip install "jaxdl[wandb]"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


class Kept:
    """A service that keeps what it is sent."""

    run_id = "7"

    def __init__(self):
        self.rows = []

    def log(self, step, numbers):
        self.rows.append((step, numbers))


def test_rows_of_a_folder_in_the_runs_have_its_name(tmp_path):
    kept = Kept()
    log.send_row(tmp_path, 1, {"loss": 0.5})  # nobody asked
    token = log._open.set((tmp_path.resolve(), kept))
    try:
        log.send_row(tmp_path, 2, {"loss": 0.25})
        log.send_row(tmp_path / "seed1", 3, {"loss": 0.125})
    finally:
        log._open.reset(token)
    assert kept.rows == [(2, {"loss": 0.25}), (3, {"seed1/loss": 0.125})]
