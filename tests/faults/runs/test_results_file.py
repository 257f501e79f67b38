"""results.json: many writers at once, a full disk, damaged files, reports that are no reports."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from jaxdl.checks import UsageError
from jaxdl.runs.results import add_result, read_results, render
from tests.faults.conftest import ROOT

REPORT = {
    "name": "digits_mlp",
    "experiment": "classification.train",
    "command": "jaxdl run digits_mlp",
    "metrics": {"test_loss": 0.25},
    "seconds": {"total": 1.5, "train": 1.0},
    "steps": 3,
    "devices": 1,
    "device": "cpu: cpu",
}


def run_folder(folder, **changes):
    """A folder with a report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps({**REPORT, **changes}))
    return folder


def python(code, *args):
    """A process without jax; its exit code and what it said."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=100)
    return ran.returncode, ran.stderr


def test_twelve_at_once_are_all_recorded(tmp_path):
    for i in range(12):
        run_folder(tmp_path / str(i), name=f"config_{i:02}")
    code = """
    import os, sys
    from pathlib import Path
    from jaxdl.runs.results import add_result
    root = Path(sys.argv[1])
    children = []
    for i in range(12):
        children.append(os.fork())
        if children[-1] == 0:
            add_result(root / str(i), root)
            os._exit(0)
    sys.exit(max(os.waitpid(child, 0)[1] for child in children))
    """
    assert python(code, tmp_path) == (0, "")
    assert list(read_results(tmp_path)) == [f"config_{i:02}" for i in range(12)]
    assert (tmp_path / "RESULTS.md").read_text() == render(tmp_path)
    assert (tmp_path / "RESULTS.md").read_text().count("| `jaxdl run") == 12


def test_a_full_disk_leaves_the_results_whole(tmp_path):
    add_result(run_folder(tmp_path / "a"), tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    run_folder(tmp_path / "b", name="other", versions={"jax": "1" * 5000})
    code = """
    import resource, sys
    from jaxdl.cli import main
    from jaxdl import experiment
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    main(argv=["results", "add", sys.argv[1]])
    """
    for name in ("configs", "experiments"):
        (tmp_path / name).mkdir()
    command = f"import os; os.chdir({str(tmp_path)!r})\n{textwrap.dedent(code)}"
    exit_code, said = python(command, tmp_path / "b")
    assert exit_code == 2
    assert said == f"error: [Errno 27] File too large: '{tmp_path / 'results.json'}'\n"
    assert (tmp_path / "results.json").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


DAMAGED = {
    b'{"digits_mlp": {"exp': "not valid JSON",
    b"[]": "must be a table, got list",
    b'{"a": 3}': "'a': must be a table, got int",
    b'{"a": {"experiment": "b"}}': "'a': command must be one line of text, got None",
    b"[" * 100_000: "not valid JSON .it is nested too deeply",
}


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: content[:10].decode())
def test_damaged_results_are_said_and_kept(tmp_path, content):
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(UsageError, match=rf"results\.json: {DAMAGED[content]}"):
        add_result(run_folder(tmp_path / "run"), tmp_path)
    assert (tmp_path / "results.json").read_bytes() == content


WRONG = {
    "metrics.test_loss must be a finite number, got nan": {"metrics": {"test_loss": float("nan")}},
    "metrics.test_loss must be a finite number, got 'x'": {"metrics": {"test_loss": "x"}},
    "metrics must be a table of numbers": {"metrics": [1]},
    "a name in metrics must be one line": {"metrics": {"a\nb": 1.0}},
    "seconds.total must be a finite number, got None": {"seconds": {}},
    "devices must be a finite number, got None": {"devices": None},
    r"name must be one line of text, got 'a\\x1b": {"name": "a\x1b[2J"},
    "command is no command line": {"command": "jaxdl 'run"},
    "headline must be one of its metrics, got 'x'": {"headline": "x"},
    "runs must be a table of numbers by seed": {"runs": {"0": 3}},
    "runs.0.test_loss must be a finite number, got 'x'": {"runs": {"0": {"test_loss": "x"}}},
}


@pytest.mark.parametrize("problem", WRONG)
def test_a_wrong_report_is_not_recorded(tmp_path, problem):
    with pytest.raises(UsageError, match=rf"report\.json: {problem}"):
        add_result(run_folder(tmp_path / "run", **WRONG[problem]), tmp_path)
    assert not (tmp_path / "results.json").exists()


def test_results_md_is_a_table_whatever_the_names_are(tmp_path):
    """GitHub's Markdown: a bar ends a cell, even in code; backticks end code; < begins HTML."""
    command = "jaxdl run 'a`|b' \"<script>\""
    odd = {"test_<script>|[x](y)": 1.0}
    add_result(run_folder(tmp_path / "a", command=command, metrics=odd, device="a|b"), tmp_path)
    (row,) = (tmp_path / "RESULTS.md").read_text().splitlines()[7:]
    assert row == (
        "| `` jaxdl run 'a`\\|b' '<script>' `` | test_&lt;script&gt;\\|\\[x\\](y) 1 |  | 3 "
        "| 1.5 (1.0) | 1 x a\\|b |  |"
    )
