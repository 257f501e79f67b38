"""Experiments: found, read, run and loaded; a run's own report judges what was loaded."""

import json
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.commands import run
from jaxdl.data.digits import load_digits
from jaxdl.experiment import Experiment, find_experiment, load_run, read_config
from jaxdl.runs.run_folder import find_run
from jaxdl.training.plan import LoopConfig
from tests.commands.asking import ask
from tests.training import toys


@dataclass(frozen=True)
class Config:
    """What the loop needs of a config."""

    loop: LoopConfig = LoopConfig(steps=4, log_every=2, devices=1)
    seed: int = 3


def test_a_script_is_found_with_what_it_defines():
    train, knn = find_experiment("classification.train"), find_experiment("classic.neighbors")
    assert train.name == "classification.train"
    assert (train.build is None, train.run is None) == (False, True)
    assert (knn.build is None, knn.run is None) == (True, False)
    with pytest.raises(UsageError, match=r"did you mean classification\.train"):
        find_experiment("clasification.train")


def test_a_config_must_name_its_script(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("seed = 1\n")
    with pytest.raises(UsageError, match="mine.toml: it must name its script"):
        read_config(path, [])
    with pytest.raises(UsageError, match="there is no such file"):
        find_config(str(tmp_path / "none.toml"))


def test_what_has_no_build_is_refused_in_the_name_of_who_asks():
    with pytest.raises(UsageError, match=r"sweep: a\.b has no Task"):
        Experiment("a.b", Config).builder("sweep")


def test_a_task_is_trained_and_reported_where_the_script_has_no_run(tmp_path):
    split = toys.points()
    experiment = Experiment("toys", Config, build=lambda cfg: toys.classifier(split=split))
    report = experiment.execute(Config(), tmp_path)
    assert report["steps"] == 4
    assert report["seed"] == 3
    assert report["metrics"]["train_loss"] > 0
    assert (tmp_path / "curves.png").exists()
    assert not (tmp_path / "report.json").exists()  # the command writes it, with its own words


@pytest.mark.parametrize("resume", [False, True])
def test_the_scripts_own_run_takes_the_place_of_the_loop(tmp_path, resume):
    def own(cfg, run_dir, **options):
        head = dict.fromkeys(("metrics", "seconds", "device", "devices"))
        return {**head, "given": (cfg, run_dir, options)}

    report = Experiment("own", Config, run=own).execute("cfg", tmp_path, resume)
    assert report["given"] == ("cfg", tmp_path, {"resume": True} if resume else {})


def test_a_report_without_its_parts_is_refused(tmp_path):
    bare = Experiment("own", Config, run=lambda cfg, run_dir: {"metrics": {}, "device": "cpu"})
    with pytest.raises(UsageError, match="own: .* lacks devices, seconds; report_numbers"):
        bare.execute("cfg", tmp_path)


def test_load_run_gives_the_model_that_was_tested(tmp_path):
    trained = tmp_path / "run"
    small = ["--loop.epochs", "3", "--model.hidden", "16"]
    assert ask(run, "--config", "digits_mlp", *small, "--run-dir", trained) == 0
    model, variables, prepare, classes = load_run(trained)
    test = load_digits()[0]["test"]
    keys = jax.random.split(jax.random.key(0), len(test["label"]))
    logits = model.apply(variables, prepare(keys, test, train=False)["image"], train=False)
    accuracy = np.mean(np.argmax(logits, axis=1) == test["label"])
    report = json.loads((trained / "report.json").read_text())
    assert accuracy == pytest.approx(report["metrics"]["test_accuracy"])
    assert classes == tuple("0123456789")


def test_a_saved_config_has_later_options_as_they_were_before(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(
        'experiment = "classification.train"\ndata = { name = "csv", path = "t.csv" }\n'
    )
    assert read_config(path, [])[1].data.standardize
    assert not read_config(path, [], saved=True)[1].data.standardize
    assert read_config(path, ["--data.standardize", "true"], saved=True)[1].data.standardize


def test_a_configs_name_stands_for_the_newest_of_its_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for stamp in ("20260102-030405-7", "20260102-030405-9", "20260102-040000-1"):
        (tmp_path / "runs/mine" / stamp).mkdir(parents=True)
    for stamp in ("20260102-030405-7", "20260102-030405-9"):
        (tmp_path / "runs/mine" / stamp / "config.toml").write_text("")
    newest = Path("runs/mine/20260102-030405-9")
    for given in (newest, Path("mine"), Path("runs/mine")):
        assert find_run(given) == newest
    said = "of 2 runs in runs/mine the newest: runs/mine/20260102-030405-9\n"
    assert capsys.readouterr().err == 2 * said
    with pytest.raises(UsageError, match="none: no config.toml in it, and no runs/none; give"):
        load_run("none")
