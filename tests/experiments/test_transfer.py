"""Seeds, folds and a resumed run without weights, against trainings by hand."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.classification import transfer
from jaxdl.classification.task import classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.data.splits.folds import fold_of_rows
from jaxdl.models.registry import model_options
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.prepare_images import ImageConfig

CFG = transfer.Config(
    data=DataConfig(train="train[:200]"),
    image=ImageConfig(mean=(0.5,), std=(0.5,)),
    model=model_options("mlp")(hidden=(4,)),
    loop=LoopConfig(steps=3, log_every=1, devices=1),
)


def accuracy(cfg, splits, folder):
    task = classifier_task(cfg, splits)
    return task.measure(fit(task, cfg.loop, folder, seed=cfg.seed).state, splits["test"])[
        "accuracy"
    ]


def test_without_weights_seeds_are_trained_and_taken_up_again(tmp_path):
    cfg = replace(CFG, seeds=2)
    report = transfer.run(cfg, tmp_path / "run")
    splits = load_splits(cfg.data)
    want = [accuracy(replace(cfg, seed=s), splits, tmp_path / str(s)) for s in (0, 1)]
    assert report["metrics"]["test_accuracy"] == pytest.approx(np.mean(want))
    assert report["metrics"]["test_accuracy_std"] == pytest.approx(np.std(want, ddof=1))
    logs = [tmp_path / "run" / part / "metrics.jsonl" for part in (".", "seed 1")]
    before = [log.read_bytes() for log in logs]
    again = transfer.run(cfg, tmp_path / "run", resume=True)
    assert again["metrics"]["test_accuracy"] == report["metrics"]["test_accuracy"]
    assert [log.read_bytes() for log in logs] == before  # no step was trained again


def test_without_weights_folds_leave_the_test_unread(tmp_path):
    cfg = replace(CFG, folds=2)
    got = transfer.run(cfg, tmp_path / "run")["metrics"]
    train = load_splits(cfg.data)["train"]
    fold, want = fold_of_rows(train.read("label"), 2, cfg.seed), []
    for k in range(2):
        parts = {"train": fold != k, "test": fold == k}
        splits = {role: train.take(np.flatnonzero(on), name=role) for role, on in parts.items()}
        want.append(accuracy(cfg, splits, tmp_path / str(k)))
    assert got["test_accuracy"] == pytest.approx(np.mean(want))
    assert got["test_accuracy_std"] == pytest.approx(np.std(want, ddof=1))
