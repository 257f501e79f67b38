"""The commands as a person meets them: what they print, what they leave, how they refuse."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxdl.cli import main
from jaxdl.data.digits import load_digits
from jaxdl.experiment import load_run

ROOT = Path(__file__).parents[1]
MLP = ["digits_mlp", "--loop.epochs", "6", "--model.hidden", "16"]


def jaxdl(capsys, *argv):
    """(exit code, stdout, stderr) of a command."""
    with pytest.raises(SystemExit) as stop:
        main(argv=[str(word) for word in argv])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder of a small network."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", *MLP, "--run-dir", str(folder)])
    assert stop.value.code == 0
    return folder


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("command", [["--help"], ["list"], ["--version"], ["list", "--json"]])
def test_help_and_list_answer_at_once_and_import_no_jax(command):
    code = (
        "import sys; sys.modules['jax'] = None; sys.modules['numpy'] = None;"
        "from jaxdl.cli import main; main()"
    )
    began = cpu_of_children()
    ran = [sys.executable, "-c", code, *command]
    out = subprocess.run(ran, capture_output=True, text=True, check=True, cwd=ROOT)
    assert cpu_of_children() - began < 2  # seconds of CPU: the machine may be busy
    assert "jaxdl" in out.stdout or "digits_lenet" in out.stdout
    assert out.stderr == ""


def test_list_names_every_config_with_its_data(capsys):
    code, out, _ = jaxdl(capsys, "list", "--json")
    rows = {row["config"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["mnist_mlp5"]["experiment"] == "classification.train"
    assert rows["mnist_mlp5"]["data"] == "mnist"


def test_a_run_leaves_all_that_was_promised(trained):
    report = json.loads((trained / "report.json").read_text())
    assert report["name"] == "digits_mlp"
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
    assert {"loss", "accuracy", "lr"} <= tags


def test_load_run_gives_the_model_that_was_tested(trained):
    model, variables, prepare, classes = load_run(trained)
    test = load_digits()[0]["test"]
    keys = jax.random.split(jax.random.key(0), len(test["label"]))
    logits = model.apply(variables, prepare(keys, test, train=False)["image"], train=False)
    accuracy = np.mean(np.argmax(logits, axis=1) == test["label"])
    report = json.loads((trained / "report.json").read_text())
    assert accuracy == pytest.approx(report["metrics"]["test_accuracy"])
    assert classes == tuple("0123456789")


def test_predict_reads_a_persons_own_files(trained, tmp_path, capsys):
    from PIL import Image

    rows = load_digits()[0]["train"]
    zero = int(np.flatnonzero(rows["label"] == 0)[0])
    Image.fromarray(rows["image"][zero, :, :, 0]).resize((64, 64)).save(tmp_path / "zero.png")
    code, out, _ = jaxdl(capsys, "predict", trained, tmp_path / "zero.png")
    assert code == 0
    assert re.search(r"zero\.png  0 \d+\.\d%", out)
    (tmp_path / "no.png").write_text("<html>")
    code, _, err = jaxdl(capsys, "predict", trained, tmp_path / "no.png")
    assert code == 6
    assert "no.png: it is no image" in err


def test_summary_counts_lenet_as_by_hand(capsys):
    code, out, _ = jaxdl(capsys, "summary", "digits_lenet")
    assert code == 0
    # 8x8: conv1 5*5*20+20, conv2 5*5*20*50+50, fc 2*2*50*500+500, 500*10+10
    assert f"{520 + 25050 + 100500 + 5010:,}" in out
    # conv1 8*8*20*25, conv2 4*4*50*500, fc 200*500, 500*10
    assert f"{32000 + 400000 + 100000 + 5000:,}" in out


@pytest.mark.parametrize(("size", "first", "count"), [(227, 72_855_552, 7), (64, 5_227_200, 3)])
def test_summary_of_a_model_by_its_name(tmp_path, capsys, size, first, count):
    options = ("--size", size, "--classes", count, "--out", tmp_path / "costs.png")
    code, out, _ = jaxdl(capsys, "summary", "alexnet", *options)
    assert code == 0
    side = (size - 11 + 4) // 4 + 1
    assert f"{first:,}" in out
    assert first == side * side * 64 * 3 * 11 * 11
    assert f"{4096 * count + count:,}" in out
    assert (tmp_path / "costs.png").stat().st_size > 1000
    assert jaxdl(capsys, "summary", "alexnet", "--sise", 3)[0] == 2


def test_show_data_draws_and_counts(tmp_path, capsys):
    code, out, _ = jaxdl(capsys, "show", "data", "digits", "--out", tmp_path / "grid.png")
    assert code == 0
    assert "image: uint8 (8, 8, 1), 0..255" in out
    assert "train: 1437 rows" in out
    assert (tmp_path / "grid.png").stat().st_size > 1000


def test_results_add_records_a_run(trained, tmp_path, capsys, monkeypatch):
    for name in ("configs", "experiments"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert jaxdl(capsys, "results", "add", trained)[0] == 0
    entry = json.loads((tmp_path / "results.json").read_text())["digits_mlp"]
    assert entry["command"] == "jaxdl run " + " ".join(MLP)
    assert "`jaxdl run digits_mlp" in (tmp_path / "RESULTS.md").read_text()
    _, out, _ = jaxdl(capsys, "list")
    assert re.search(r"digits_mlp +digits +test_loss", out)
    code, _, err = jaxdl(capsys, "results", "add", tmp_path)
    assert code == 2
    assert "no report.json" in err


def test_doctor_names_versions_and_caches(capsys):
    code, out, _ = jaxdl(capsys, "doctor")
    assert code == 0
    assert f"jax {jax.__version__}" in out
    assert "no known problem" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "digits_mlp", "--optim.lrr", "1"], "--optim.lr FLOAT"),
        (["run", "digits_mpl"], "no 'digits_mpl'; did you mean digits_mlp"),
        (["run", "digits_mlp", "--model.name", "mpl"], "no 'mpl'; did you mean mlp"),
        (["run", "digits_mlp", "--data.name", "mnits", "--data.dir", "/nowhere"], "mnist"),
        (["run", "digits_mlp", "--loop.epochs", "0"], "loop.epochs must be at least 1, got 0"),
        (["run", "digits_mlp", "--data.batch_size", "5000"], "1437 rows, fewer than one batch"),
        (["run"], "give a config"),
        (["rum", "digits_mlp"], "no command 'rum'; did you mean run"),
        (["predict", "/nowhere", "a.png"], "no config.toml"),
        (["run", "digits_mlp", "--run-dir", "/proc/jaxdl"], "cannot be written by uid"),
    ],
)
def test_mistakes_get_one_message_and_no_traceback(argv, message, capsys, tmp_path, monkeypatch):
    if argv[0] == "run" and "--run-dir" not in argv:
        argv = [*argv, "--run-dir", str(tmp_path / "run")]
    code, _, err = jaxdl(capsys, *argv)
    assert code == (6 if "fewer than" in message else 2)
    assert message in err
    assert "Traceback" not in err


def test_a_typo_in_the_file_names_the_file(capsys, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text('experiment = "classification.train"\noptim = { lrr = 1.0 }\n')
    code, _, err = jaxdl(capsys, "run", config)
    assert code == 2
    assert "mine.toml" in err
    assert "--optim.lr FLOAT" in err
    config.write_text('experiment = "clasification.train"\n')
    code, _, err = jaxdl(capsys, "run", config)
    assert code == 2
    assert "did you mean classification.train" in err


def test_a_run_folder_is_never_overwritten(trained, capsys):
    before = (trained / "report.json").read_bytes()
    code, _, err = jaxdl(capsys, "run", *MLP, "--run-dir", trained)
    assert code == 2
    assert f"--run-dir {trained} --resume" in err
    assert (trained / "report.json").read_bytes() == before


def test_another_structure_is_not_resumed(trained, capsys):
    changed = ["--model.hidden", "17", "--optim.lr", "0.5"]
    code, _, err = jaxdl(capsys, "run", *MLP, *changed, "--run-dir", trained, "--resume")
    assert code == 2
    assert "optim.lr = 0.5 (was 0.002)" in err
    assert "model.hidden cannot change" in err


def test_a_script_runs_by_itself(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "experiments.classification.train"]
    command += ["--config", "configs/classification/digits_mlp.toml", "--loop.steps", "2"]
    env = os.environ | {"XLA_FLAGS": "", "COLUMNS": "40"}
    out = subprocess.run(
        [*command, "--run-dir", folder], capture_output=True, text=True, cwd=ROOT, env=env
    )
    assert out.returncode == 0, out.stderr
    assert "test_accuracy" in out.stdout
    noise = [line for line in out.stderr.splitlines() if re.search(r"(?i)warn|^[EWI]\d{4}", line)]
    assert noise == []
