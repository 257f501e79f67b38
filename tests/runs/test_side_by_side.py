"""Two runs on one page against the files of both."""

import json

import pytest

from jaxdl.checks import UsageError
from jaxdl.runs.side_by_side import rows_of, write_side_by_side
from tests.runs.test_run_page import REPORT
from tests.test_html_page import Read


def write_run(folder, lr, accuracy, rows):
    folder.mkdir()
    report = {**REPORT, "metrics": {"test_accuracy": accuracy}}
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "config.toml").write_text(f"seed = 7\n[optim]\nlr = {lr}\n")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("rows", [[{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}], []])
def test_differences_numbers_and_curves(rows, tmp_path):
    runs = [
        write_run(tmp_path / "a", 0.5, 0.9, rows),
        write_run(tmp_path / "b", 0.25, 0.75, []),
    ]
    read = Read(write_side_by_side(runs, tmp_path / "out/both.html").read_text())
    cells = set(read.texts)
    assert {"optim.lr", "0.5", "0.25", "test_accuracy", "0.9", "0.75"} <= cells
    assert "seed" not in cells
    assert [tag for tag, _ in read.tags].count("img") == bool(rows)


def test_what_one_run_has_not_is_a_dash():
    tables = [{"a": 1.0, "b": 2}, {"a": 1.0}]
    assert rows_of(tables) == [["a", "1", "1"], ["b", "2", "–"]]
    assert rows_of(tables, differing=True) == [["b", "2", "–"]]


def test_a_run_that_has_not_ended_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"report .*none: no report.json"):
        write_side_by_side([tmp_path / "none"], tmp_path / "both.html")
