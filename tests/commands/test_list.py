"""`jaxdl list` against the files of configs/ and what results.json says."""

import json
from pathlib import Path

import pytest

from jaxdl.catalog import find_configs
from jaxdl.checks import UsageError
from jaxdl.commands import list as command
from tests.commands.asking import ask

ROOT = Path(__file__).parents[2]


def test_list_names_every_config_with_its_data(capsys):
    assert ask(command, "--json") == 0
    rows = {row["config"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == find_configs(ROOT).keys()
    assert rows["mnist_mlp5"]["experiment"] == "classification.train"
    assert rows["mnist_mlp5"]["data"] == "mnist"


def test_a_line_has_the_recorded_numbers_or_says_that_there_are_none(capsys, tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    for name in ("old", "new"):
        (tmp_path / "configs" / f"{name}.toml").write_text(
            f'experiment = "{name}er.train"\ndata = {{ name = "digits" }}\n'
        )
    entry = {"metrics": {"test_loss": 0.25}, "seconds": {"total": 1.0}, "device": "cpu"}
    entry |= {"command": "jaxdl run old", "experiment": "x", "devices": 1}
    (tmp_path / "results.json").write_text(json.dumps({"old": entry}))
    monkeypatch.chdir(tmp_path)
    assert ask(command) == 0
    assert "mnist_mlp5" in capsys.readouterr().out  # jaxdl's own are there beside them
    assert ask(command, "er.train") == 0
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["config", "data", "measured"],
        [],
        ["newer"],
        ["new", "digits", "not yet run: needs only a run (jaxdl run new)"],
        [],
        ["older"],
        ["old", "digits", "test_loss 0.25"],
    ]


def test_a_config_without_a_record_says_what_it_needs():
    needs = {row["config"]: row["needs"] for row in command.list_rows()}
    assert needs["mnist_mlp5"] is None  # recorded
    assert needs["own_csv"] == "your own data (--data.path)"
    assert needs["coco2017_fpn"].startswith("an accelerator")
    assert all(row["needs"] or row["headline"] in row["metrics"] for row in command.list_rows())


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("detection", "shapes"), {"shapes_one_stage", "shapes_faster_rcnn"}),
        (("rl.tabular",), {"gridworld_tabular"}),
    ],
)
def test_words_choose_by_name_experiment_and_data(words, names, capsys):
    assert ask(command, *words, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert names <= {row["config"] for row in rows}
    assert "mnist_mlp5" not in {row["config"] for row in rows}


def test_a_word_that_nothing_has_gets_the_nearest():
    with pytest.raises(UsageError, match="detection"):
        ask(command, "detektion")


def test_a_config_has_one_line_no_wider_than_the_terminal(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert ask(command, "detection") == 0
    whole = capsys.readouterr().out.splitlines()
    assert max(map(len, whole)) > 200
    monkeypatch.setenv("COLUMNS", "100")
    assert ask(command, "detection") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(whole)
    assert max(map(len, lines)) <= 100
    for line, full in zip(lines, whole, strict=True):
        assert line == full or (line.endswith(" ...") and full.startswith(line[:-4]))
