"""`jaxdl sweep` and `--seeds` as a person meets them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from jaxdl.catalog import find_configs
from jaxdl.checks import UsageError
from jaxdl.classification.task import classifier_task
from jaxdl.cli import main
from jaxdl.config import to_table
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.folds import fold_of_rows
from jaxdl.experiment import read_config
from jaxdl.search.sweep_table import Row, draw_search, rank
from jaxdl.training.loop import fit

ROOT = Path(__file__).parents[2]
SMALL = ["--model.hidden", "8", "--loop.steps", "30", "--optim.schedule", "constant"]
GRID = ["--grid", "optim.lr=1e-3,1e-2,1e30", "--grid", "optim.weight_decay=0,1e-2"]


def jaxdl(*argv):
    with pytest.raises(SystemExit) as stop:
        main(argv=[str(word) for word in argv])
    return stop.value.code


def config(*flags):
    return read_config(find_configs(ROOT)["digits_mlp"], [*SMALL, *flags])[1]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder of six trials, of which two diverge."""
    folder = tmp_path_factory.mktemp("sweeps") / "grid"
    assert jaxdl("sweep", "digits_mlp", *SMALL, *GRID, "--run-dir", folder) == 0
    return folder


def test_a_sweep_leaves_its_table_picture_and_best_config(swept):
    table = json.loads((swept / "table.json").read_text())
    assert [(r["optim.lr"], r["optim.weight_decay"]) for r in table] == [
        *[(1e-3, 0), (1e-3, 0.01), (1e-2, 0), (1e-2, 0.01), (1e30, 0), (1e30, 0.01)]
    ]
    assert [row["rank"] for row in table[4:]] == [None, None]
    assert "diverged at step" in table[4]["status"]
    best = next(row for row in table if row["rank"] == 1)
    ended = table[:4]
    assert best["val_accuracy"] == max(row["val_accuracy"] for row in ended)
    rows = list(csv.DictReader((swept / "table.csv").read_text().splitlines()))
    assert [float(r["val_loss"]) for r in rows[:4]] == [r["val_loss"] for r in ended]
    assert (swept / "sweep.png").stat().st_size > 5000
    report = json.loads((swept / "report.json").read_text())
    assert report["metrics"]["failed"] == 2
    assert report["programs"] == 1
    assert not any("test" in name for name in report["metrics"])


def test_the_best_config_runs(swept, tmp_path):
    _, cfg = read_config(swept / "best.toml", [])
    best = json.loads((swept / "report.json").read_text())["best"]
    lr, decay = best["optim.lr"], best["optim.weight_decay"]
    want = config("--optim.lr", lr, "--optim.weight_decay", decay)
    assert to_table(cfg) == to_table(want)
    assert jaxdl("run", swept / "best.toml", "--run-dir", tmp_path / "run") == 0


def test_a_trial_is_a_run_of_its_own(swept, tmp_path):
    row = json.loads((swept / "table.json").read_text())[3]
    task = classifier_task(
        config("--data.val", "287", "--optim.lr", "0.01", "--optim.weight_decay", "0.01")
    )
    assert task.splits["train"].size == 1437 - 287
    done = fit(task, config("--loop.devices", "1").loop, tmp_path)
    numbers = task.measure(done.state, task.splits["val"])
    assert row["val_loss"] == pytest.approx(numbers["loss"], rel=1e-5)
    assert row["val_accuracy"] == numbers["accuracy"]


def test_a_sweep_that_was_killed_runs_only_what_is_left(swept, tmp_path, capsys):
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "config.toml").write_bytes((swept / "config.toml").read_bytes())
    lines = (swept / "trials.jsonl").read_text().splitlines(keepends=True)
    first = [json.loads(line) for line in lines[:3]]
    first[0]["numbers"] = {"val_accuracy": 2.0, "val_loss": 0.0}  # if it ran again, this would go
    text = "".join(json.dumps(line) + "\n" for line in first)
    (folder / "trials.jsonl").write_text(text + lines[3][:20])
    argv = ["sweep", "digits_mlp", *SMALL, *GRID, "--run-dir", folder]
    assert jaxdl(*argv) == 2  # the folder exists
    assert jaxdl(*argv, "--resume") == 0
    table, want = (json.loads((f / "table.json").read_text()) for f in (folder, swept))
    places = [want.index(row) for row in want if row["rank"]]
    faked = [row for row in table if row.get("val_accuracy") == 2.0]
    assert len(faked) == 1
    for place in places:
        if table[place] not in faked:
            assert table[place]["val_loss"] == pytest.approx(want[place]["val_loss"], rel=1e-5)
    longer = [*argv, "--resume", "--optim.b1", "0.8"]
    capsys.readouterr()
    assert jaxdl(*longer) == 2
    assert "optim.b1 cannot change in a sweep" in capsys.readouterr().err


def test_a_grid_of_rules_and_draws_of_their_own_option(tmp_path):
    """Nesterov has `momentum`, the config's adam has not; its draws are no whole numbers."""
    spec = ["--grid", "optim.name=momentum,nesterov", "--random", "optim.momentum=0.2:0.8:linear"]
    flags = [*SMALL, "--optim.lr", "0.01", *spec, "--trials", "2"]
    assert jaxdl("sweep", "digits_mlp", *flags, "--run-dir", tmp_path / "s") == 0
    table = json.loads((tmp_path / "s" / "table.json").read_text())
    assert [row["optim.name"] for row in table] == ["momentum", "nesterov"] * 2
    assert all(0.2 < row["optim.momentum"] < 0.8 for row in table)
    assert len({row["val_loss"] for row in table}) == 4


def test_widths_compile_anew_and_random_numbers_do_not(tmp_path):
    spec = ["--grid", "model.hidden=4,8 6", "--random", "optim.lr=1e-3:1e-1", "--trials", "2"]
    assert (
        jaxdl("sweep", "digits_mlp", "--loop.steps", "3", *spec, "--run-dir", tmp_path / "w") == 0
    )
    report = json.loads((tmp_path / "w" / "report.json").read_text())
    assert report["programs"] == 2
    assert report["metrics"]["trials"] == 4
    assert set(report["ways"]) == {"--model.hidden=4", "--model.hidden 8 6"}


def test_folds_average_what_each_fold_measures(tmp_path):
    spec = ["--grid", "optim.lr=1e-2,3e-2", "--folds", "2", "--by", "val_loss"]
    assert jaxdl("sweep", "digits_mlp", *SMALL, *spec, "--run-dir", tmp_path / "f") == 0
    row = json.loads((tmp_path / "f" / "table.json").read_text())[1]
    whole = load_splits(DataConfig(name="digits"))["train"]
    fold = fold_of_rows(whole.labels, 2, 0)
    losses = []
    for k in range(2):
        task = classifier_task(config("--optim.lr", "0.03"))
        task.splits["train"] = whole.take(np.flatnonzero(fold != k), name="rest")
        task.splits["train"].batch_size = 32
        done = fit(task, config("--loop.devices", "1").loop, tmp_path / str(k))
        held = whole.take(np.flatnonzero(fold == k), name="held")
        losses.append(task.measure(done.state, held)["loss"])
    assert row["val_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert row["val_loss_std"] == pytest.approx(np.std(losses, ddof=1), rel=1e-2)


def test_seeds_are_separate_runs_and_their_spread(tmp_path):
    argv = ["run", "digits_mlp", *SMALL, "--run-dir"]
    assert jaxdl(*argv, tmp_path / "seeds", "--seeds", "3", "--seed", "5") == 0
    report = json.loads((tmp_path / "seeds" / "report.json").read_text())
    task = classifier_task(config())
    losses = []
    for seed in (5, 6, 7):
        done = fit(task, config("--loop.devices", "1").loop, tmp_path / str(seed), seed=seed)
        losses.append(task.measure(done.state, task.splits["test"])["loss"])
        assert report["seeds"][str(seed)]["test_loss"] == pytest.approx(losses[-1], rel=1e-5)
    assert report["metrics"]["test_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert report["metrics"]["test_loss_std"] == pytest.approx(np.std(losses, ddof=1), rel=1e-3)
    assert report["metrics"]["test_loss_min"] == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sweep", "digits_mlp"], "give --grid"),
        (["sweep", "digits_mlp", "--grid", "optim.lrr=1,2"], "did you mean"),
        (["sweep", "digits_mlp", "--grid", "optim.lr=0.1,high"], "must be a number, got 'high'"),
        (["sweep", "digits_mlp", "--grid", "optim.lr=0.1,-1"], "optim.lr must be >= 0"),
        (["sweep", "digits_mlp", "--grid", "model.hidden=8,wide"], "wide"),
        (["sweep", "digits_mlp", "--grid", "seed=1,2", "--by", "test_loss"], "validation"),
        (["sweep", "digits_mlp", "--grid", "seed=1,2", "--folds", "1"], "at least 2"),
        (["sweep", "digits_knn", "--grid", "k=1,2"], "no Task"),
        (["run", "digits_mlp", "--seeds", "1"], "at least 2"),
        (["run", "digits_knn", "--seeds", "2"], "no Task"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_compiles(argv, words, tmp_path, capsys):
    assert jaxdl(*argv, "--run-dir", tmp_path / "none") == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_equals_are_ranked_by_loss_then_by_place():
    def row(place, accuracy, loss):
        return Row(place, {}, {"val_accuracy": accuracy, "val_loss": loss}, None)

    rows = [row(0, 0.5, 0.3), row(1, 0.9, 0.2), row(2, 0.9, 0.1), row(3, 0.9, 0.1)]
    rows.append(Row(4, {}, {}, 7))
    assert rank(rows) == ([2, 3, 1, 0], "val_accuracy")
    assert rank(rows, "val_loss")[0] == [2, 3, 1, 0]
    with pytest.raises(UsageError, match="no val_error; .* val_accuracy, val_loss"):
        rank(rows, "val_error")


@pytest.mark.parametrize(("names", "kind"), [(1, "lines"), (2, "collections"), (3, "lines")])
def test_the_picture_suits_the_number_of_names(names, kind):
    draw = np.random.default_rng(0)
    settings = [{f"n{k}": f"{draw.uniform():.3f}" for k in range(names)} for _ in range(6)]
    rows = [Row(i, s, {"val_loss": i / 6}, None) for i, s in enumerate(settings)]
    (axis,) = draw_search(rows, range(6), "val_loss", list(settings[0])).figure.axes[:1]
    assert getattr(axis, kind)
    count = {1: 1, 3: 6 + 4}.get(names)
    assert count is None or len(axis.lines) == count
