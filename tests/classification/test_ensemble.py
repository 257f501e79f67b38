"""Ensembles against averages made by hand; snapshots against separate fits."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from experiments.classification import ensemble
from jaxdl.checks import UsageError
from jaxdl.classification.ensemble import (
    EnsembleEvaluator,
    evaluate_ensemble,
    stack_members,
    train_snapshots,
)
from jaxdl.data.splits.split import Split
from jaxdl.models.registry import model_options
from jaxdl.optim.config import Momentum
from jaxdl.runs.checkpoint import flatten
from jaxdl.search.trials import TrialRunner
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.task import as_it_is
from tests.training import toys


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(4, name="head")(x)


def test_members_vote_with_their_probabilities():
    draw = np.random.default_rng(0)
    x, label = draw.normal(size=(30, 5)).astype(np.float32), draw.integers(0, 4, 30)
    kernels = draw.normal(size=(3, 5, 4)).astype(np.float32)
    members = [{"params": {"head": {"kernel": k, "bias": np.zeros(4)}}} for k in kernels]
    split = Split({"image": x, "label": label}, tuple("abcd"), shuffle=False)
    evaluate = EnsembleEvaluator(Linear(), as_it_is)
    probability, labels = evaluate(stack_members(members), split)
    want = scipy.special.softmax(np.float64(x) @ np.float64(kernels), axis=2)
    np.testing.assert_allclose(probability, want, atol=1e-6)
    assert (labels == label).all()
    together = evaluate_ensemble(probability, labels)
    right = [np.mean([np.argmax(p) == y for p, y in zip(w, label, strict=True)]) for w in want]
    np.testing.assert_allclose(together.members, right)
    mean = want.mean(axis=0)
    numbers = together.numbers()
    assert numbers["accuracy"] == np.mean(mean.argmax(1) == label)
    assert numbers["loss"] == pytest.approx(-np.log(mean[range(30), label]).mean(), rel=1e-5)
    assert numbers["gain"] == pytest.approx(numbers["accuracy"] - np.mean(right))
    assert numbers["member_accuracy_std"] == pytest.approx(np.std(right, ddof=1))
    assert together.growing[0] == right[0]
    assert together.growing[1] == np.mean(want[:2].mean(axis=0).argmax(1) == label)


def test_a_snapshot_is_the_end_of_a_cycle_and_the_start_of_the_next(tmp_path):
    optim = Momentum(lr=0.1, schedule="cosine", warmup=3)
    loop = LoopConfig(steps=8, devices=1)

    def task():
        return toys.classifier(optim, steps=8, split=toys.points(shuffle=False))

    got = {}
    train_snapshots(TrialRunner(task(), loop), 2, 3, got.__setitem__)
    first = fit(task(), loop, tmp_path / "first", seed=3)
    again = task()

    def init(key):  # two epochs in order: the same rows again, at the steps that follow
        state = task().init(key)
        return state.replace(
            params=jax.tree.map(jnp.asarray, first.state.params),
            extra=jax.tree.map(jnp.asarray, first.state.extra),
            step=jnp.int32(8),
        )

    second = fit(dataclasses.replace(again, init=init), loop, tmp_path / "second", seed=3)
    assert sorted(got) == [0, 1]
    for mine, want in zip(got.values(), (first, second), strict=True):
        for path, value in flatten(want.state.variables).items():
            np.testing.assert_array_equal(flatten(mine)[path], value, err_msg=path)


def test_one_cycle_is_no_ensemble():
    with pytest.raises(UsageError, match="at least 2, got 1"):
        train_snapshots(TrialRunner(toys.classifier(), LoopConfig(steps=4)), 1, 0, print)
    with pytest.raises(UsageError, match="at least 2, got 1"):
        ensemble.Config(members=1)


def test_members_that_are_trained_are_not_trained_again(tmp_path):
    mlp = model_options("mlp")(hidden=(8,))
    cfg = ensemble.Config(model=mlp, loop=LoopConfig(steps=40), members=2)
    first = ensemble.run(cfg, tmp_path)
    kept = tmp_path / "members" / "0" / "40.manifest.json"
    stamp = {
        p: p.stat().st_mtime_ns for p in (tmp_path / "members" / "0").rglob("*") if p.is_file()
    }
    assert stamp, kept
    for path in sorted((tmp_path / "members" / "1").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    again = ensemble.run(cfg, tmp_path, resume=True)
    assert again["metrics"] == first["metrics"]
    assert all(path.stat().st_mtime_ns == at for path, at in stamp.items())
    assert first["examples_per_second"] > 0
    metrics = first["metrics"]
    assert metrics["test_member_accuracy_min"] < metrics["test_member_accuracy_max"]
    assert (tmp_path / "ensemble.png").exists()
