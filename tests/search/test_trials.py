"""Trials that share a program end where separate fits end."""

import dataclasses

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.config import SGD, Momentum
from jaxdl.runs.checkpoint import flatten
from jaxdl.search.trials import Execution, Trial, TrialRunner, grouped
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from tests.training import toys

LOOP = LoopConfig(steps=20, log_every=4, devices=1)
WANTED = [Trial({"lr": 0.05}, 0), Trial({"lr": 0.3, "weight_decay": 0.1}, 1), Trial({"lr": 0.3}, 1)]
OPTIM = Momentum(lr=0.2, schedule="cosine", warmup=5)


@pytest.fixture(scope="module")
def separate(tmp_path_factory):
    """The state and last row of each wanted trial, by `fit` of a task of its own."""
    folder = tmp_path_factory.mktemp("separate")
    found = []
    for i, trial in enumerate(WANTED):
        task = toys.classifier(dataclasses.replace(OPTIM, **trial.hyper), steps=20)
        found.append(fit(task, LOOP, folder / str(i), seed=trial.seed))
    return found


@pytest.fixture(scope="module")
def together():
    return TrialRunner(toys.classifier(OPTIM, steps=20), LOOP)


@pytest.mark.parametrize("way", [Execution(), Execution(0, 2), Execution(3), Execution(2)], ids=str)
def test_a_trial_ends_as_its_own_fit(separate, together, way):
    """Batch statistics, noise a row, warm-up and momentum; a group of two is padded to three."""
    states, outcomes = {}, {}

    def keep(trial, state):
        states[WANTED.index(trial)] = flatten({"params": state.params, "extra": state.extra})
        return {}

    together.run(way, WANTED, keep, outcomes.__setitem__)
    assert sorted(outcomes) == [0, 1, 2]
    for i, want in enumerate(separate):
        tree = flatten({"params": want.state.params, "extra": want.state.extra})
        for path, value in tree.items():
            tolerance = 1e-5 if way.group else 0.0
            np.testing.assert_allclose(states[i][path], value, atol=tolerance, err_msg=path)
        row = want.rows[-1]  # the mean of the last four steps
        assert outcomes[i].numbers["train_loss"] == pytest.approx(row["loss"], rel=1e-4)
        assert outcomes[i].bad_step is None


@pytest.mark.parametrize("way", [Execution(), Execution(2)], ids=str)
def test_a_trial_that_diverges_does_not_stop_the_others(way):
    trials = TrialRunner(toys.classifier(SGD(lr=0.1)), LOOP)
    outcomes = {}
    wanted = [Trial({"lr": 1e38}), Trial({"lr": 0.1})]
    trials.run(way, wanted, lambda trial, state: {"val_loss": 1.0}, outcomes.__setitem__)
    assert 0 < outcomes[0].bad_step < 20
    assert outcomes[0].numbers == {}
    assert outcomes[1].bad_step is None
    assert outcomes[1].numbers["val_loss"] == 1.0


def test_a_measure_that_is_not_finite_is_a_failure(together):
    outcomes = {}
    together.run(Execution(), WANTED[:1], lambda *_: {"val_loss": np.nan}, outcomes.__setitem__)
    assert outcomes[0].bad_step == 20


@pytest.mark.parametrize("way", [Execution(0, 2), Execution()], ids=str)
def test_an_interruption_ends_every_lane(together, way):
    def stop(trial, state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        together.run(way, WANTED, stop, lambda *_: None)
    together.halt.clear()


def test_what_has_ended_is_trained_for_its_group_alone(together):
    """Two of three are missing: they end as if the third had been trained with them just now."""
    kept = {}

    def run(name, **options):
        def keep(trial, state):
            kept[name, WANTED.index(trial)] = flatten(state.variables)
            return {}

        outcomes = {}
        together.run(Execution(2), WANTED, keep, outcomes.__setitem__, **options)
        return sorted(outcomes)

    assert run("all") == [0, 1, 2]
    assert run("rest", ended=[0]) == [1, 2]
    assert run("last", ended=[0, 1]) == [2]
    for name, i in (("rest", 1), ("rest", 2), ("last", 2)):
        for path, value in kept["all", i].items():
            np.testing.assert_array_equal(kept[name, i][path], value, err_msg=path)


def test_a_group_has_one_fold():
    trials = [Trial(fold=k) for k in (0, 1, 0, 1, 0)]
    assert grouped(trials, 2) == [[0, 2], [4], [1, 3]]
    assert grouped(trials, 0) == [[0], [2], [4], [1], [3]]


def test_a_run_that_ends_early_is_refused():
    with pytest.raises(UsageError, match="loop.best"):
        TrialRunner(toys.classifier(), dataclasses.replace(LOOP, best="val_loss"))


def test_remat_reaches_a_trial_whose_net_has_no_blocks():
    with pytest.raises(UsageError, match=r"loop\.remat: this model has no repeated blocks"):
        TrialRunner(toys.classifier(), LoopConfig(steps=4, remat=True))
