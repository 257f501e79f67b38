"""`jaxdl show`: what is printed of scikit-learn's digits, and that pictures are files."""

import dataclasses
import json

import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.commands import show
from tests.commands.asking import ask


def test_show_data_draws_and_counts(tmp_path, capsys):
    assert ask(show, "data", "digits", "--out", tmp_path / "grid.png") == 0
    out = capsys.readouterr().out
    assert "image: uint8 (8, 8, 1), 0..255" in out
    assert "train: 1437 rows" in out
    assert (tmp_path / "grid.png").stat().st_size > 1000


def test_what_a_task_draws_is_shown_again(tmp_path, capsys):
    from jaxdl.commands import run

    folder = tmp_path / "run"
    small = [
        "--data.synthetic_rows",
        "900",
        "--hidden",
        "8",
        "--loop.steps",
        "2",
        "--loop.devices",
        "1",
    ]
    assert ask(run, "--config", "ring_gan", *small, "--run-dir", folder) == 0
    capsys.readouterr()
    assert ask(show, "run", folder) == 0
    path = folder / "shown" / "samples.png"
    assert capsys.readouterr().out == f"{path}\n"
    with Image.open(path) as again, Image.open(folder / "samples.png") as first:
        assert again.tobytes() == first.tobytes()


def test_what_is_only_evaluated_is_measured_and_drawn_again(trained, tmp_path, capsys):
    """The first run of the README; its report is the reference."""
    assert ask(show, "run", trained, "--out", tmp_path / "again") == 0
    said = capsys.readouterr().out.splitlines()
    metrics = json.loads((trained / "report.json").read_text())["metrics"]
    assert said[:2] == [f"{name} {metrics[name]:.4f}" for name in ("test_loss", "test_accuracy")]
    assert said[2:] == [str(tmp_path / "again" / f"{n}.png") for n in ("confusion", "mistakes")]


def test_a_run_that_draws_and_measures_nothing_says_so(trained, monkeypatch):
    read = show.read_run

    def bare(folder, flags):
        experiment, run = read(folder, flags)
        mute = lambda cfg: dataclasses.replace(run.build(cfg), evaluate=None)  # noqa: E731
        return experiment, dataclasses.replace(run, build=mute)

    monkeypatch.setattr(show, "read_run", bare)
    with pytest.raises(UsageError, match=r"classification\.train neither draws nor evaluates"):
        ask(show, "run", trained)
