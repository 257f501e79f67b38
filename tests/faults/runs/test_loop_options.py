"""Every option of the loop to the end of a run and beyond; the run done again is the reference."""

import json
import shutil

import pytest

from jaxdl.commands import run
from jaxdl.draw import Figure
from jaxdl.runs.checkpoint import Checkpoints
from tests.commands.asking import ask

MLP = ("digits_mlp", "--model.hidden=8", "--data.val=200", "--data.test=test[:32]")
SHORT = ("--loop.steps=6", "--loop.log_every=2", "--loop.eval_every=2", "--loop.save_every=4")
OPTIONS = {
    "one device": ["best=val_accuracy", "tensorboard_histograms=True", "devices=1"],
    "pmap, stopped early": ["best=val_loss", "patience=1", "parallel=pmap", "devices=4"],
    "shard_map": ["best=val_accuracy", "on_nan=skip", "parallel=shard_map", "devices=2"],
}


@pytest.mark.parametrize("options", OPTIONS)
def test_a_run_comes_to_its_report_and_again_after_it(tmp_path, monkeypatch, options):
    monkeypatch.setattr(Figure, "save", lambda self, path: path)  # nine tenths of the time
    flags = [f"--loop.{option}" for option in OPTIONS[options]]
    words = ["--config", *MLP, *SHORT, *flags, "--run-dir", tmp_path / "run"]
    reports = []
    for more in ([], ["--resume"]):
        assert ask(run, *words, *more) == 0
        reports.append(json.loads((tmp_path / "run" / "report.json").read_text()))
        (tmp_path / "run" / "report.json").unlink()
        steps = Checkpoints(tmp_path / "run" / "checkpoints").steps()
        shutil.rmtree(tmp_path / "run" / "checkpoints" / str(steps[-1]))  # to be done again
    first, second = reports
    assert second["metrics"] == first["metrics"]
    assert second["params_sha256"] == first["params_sha256"]
    assert second["best_step"] == first["best_step"]
    assert first["best_step"] in (2, 4, 6)
