"""`jaxdl new experiment`: what it writes passes its own test, and the folder's files stay."""

import runpy
from pathlib import Path

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import new
from jaxdl.skeleton import my_experiment, test_my_experiment
from tests.commands.asking import ask


def test_what_is_written_passes_its_own_test_under_its_own_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert ask(new, "experiment", "tiny_study") == 0
    assert "jaxdl run tiny_study.toml" in capsys.readouterr().out
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert files.keys() == {"tiny_study.py", "tiny_study.toml", "test_tiny_study.py"}
    assert not any("my_experiment" in text for text in files.values())
    for name, module in {"": my_experiment, "test_": test_my_experiment}.items():
        text = Path(str(module.__file__)).read_text()
        assert files[f"{name}tiny_study.py"] == text.replace("my_experiment", "tiny_study")
    written = runpy.run_path("test_tiny_study.py")
    written["test_features_are_those_of_the_first_convolution"](4)
    written["test_a_short_run_learns"](tmp_path / "run")
    assert (tmp_path / "run/curves.png").exists()


def test_nothing_is_written_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"study\.toml is there already"):
        ask(new, "experiment", "study")
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]
    with pytest.raises(UsageError, match="a name in Python"):
        ask(new, "experiment", "my-net")
