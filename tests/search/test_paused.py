"""Trials that a signal stops end, taken up again, where those end that were never stopped."""

import dataclasses
import itertools
import signal

import numpy as np
import pytest

from jaxdl.classification.ensemble import train_snapshots
from jaxdl.optim.config import Momentum
from jaxdl.runs.checkpoint import flatten
from jaxdl.search.paused import PausedTrials
from jaxdl.search.trials import Execution, Trial, TrialRunner
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.loop import Stopped
from jaxdl.training.plan import LoopConfig
from tests.training import toys

LOOP = LoopConfig(steps=20, log_every=4, devices=1)
WANTED = [Trial({"lr": 0.05}, 0), Trial({"lr": 0.3}, 1), Trial({"lr": 1e38}, 1)]  # one diverges


def runner(folder=None, say=print):
    paused = folder and PausedTrials(folder / "paused", say)
    task = toys.classifier(Momentum(lr=0.2, schedule="cosine", warmup=5), steps=20)
    trials = TrialRunner(task, LOOP, paused=paused)
    trials.single.capacity = 3  # several chunks
    return trials


def run(trials, way, kept, outcomes):
    def keep(trial, state):
        kept[WANTED.index(trial)] = flatten(state.variables)
        return {}

    trials.run(way, WANTED, keep, outcomes.__setitem__, ended=list(outcomes))


@pytest.fixture
def signaled(monkeypatch):
    """`signaled(n)`: SIGTERM comes in the n-th chunk from now on."""
    advance, chunks = ChunkRunner.advance, itertools.count(1)

    def begin(last):
        def count(*args):
            if next(chunks) == last:
                signal.raise_signal(signal.SIGTERM)
            return advance(*args)

        monkeypatch.setattr(ChunkRunner, "advance", count)

    return begin


@pytest.mark.parametrize("at", [2, 8])  # chunks of 1, 3, 3, ...: in the first part, in the last
@pytest.mark.parametrize("way", [Execution(), Execution(3), Execution(2)], ids=str)
def test_stopped_trials_go_on_to_the_last_bit(tmp_path, signaled, way, at):
    want, ends = {}, {}
    run(runner(), way, want, ends)
    assert ends[2].bad_step is not None
    signaled(at)
    got, outcomes, said = {}, {}, []
    with pytest.raises(Stopped, match="SIGTERM; saved: all that had ended, and 1 under way") as end:
        run(runner(tmp_path), way, got, outcomes)
    assert end.value.code == 143
    assert len(outcomes) < 3
    run(runner(tmp_path, said.append), way, got, outcomes)
    assert [line for line in said if line.startswith("resumed at step")]
    assert outcomes == ends
    for i, tree in want.items():
        for path, value in tree.items():
            np.testing.assert_array_equal(got[i][path], value, err_msg=path)
    assert not (tmp_path / "paused").exists()


def test_every_lane_is_saved(tmp_path, signaled):
    want, ends, got, outcomes = {}, {}, {}, {}
    run(runner(), Execution(0, 2), want, ends)
    trials = runner(tmp_path)
    wait = trials.advance
    signaled(10**9)  # none by itself: a thread cannot raise one

    def advance(*args):
        trials.paused.signals.signum = signal.SIGTERM
        return wait(*args)

    trials.advance = advance
    with pytest.raises(Stopped, match="2 under way|1 under way"):
        run(trials, Execution(0, 2), got, outcomes)
    run(runner(tmp_path), Execution(0, 2), got, outcomes)
    assert outcomes == ends


@pytest.mark.parametrize("at", [3, 9])  # in the first cycle, in the second
def test_stopped_snapshots_go_on_to_the_last_bit(tmp_path, signaled, at):
    want, got = {}, {}
    train_snapshots(runner(), 2, 0, want.__setitem__)
    signaled(at)
    with pytest.raises(Stopped):
        train_snapshots(runner(tmp_path), 2, 0, got.__setitem__)
    assert len(got) == (at == 9)
    train_snapshots(runner(tmp_path), 2, 0, got.__setitem__)
    for cycle, tree in want.items():
        for path, value in flatten(tree).items():
            np.testing.assert_array_equal(flatten(got[cycle])[path], value, err_msg=path)


def test_a_damaged_state_and_one_of_another_length_begin_anew(tmp_path, signaled):
    signaled(2)
    with pytest.raises(Stopped):
        run(runner(tmp_path), Execution(3), {}, {})
    damaged = next(path for path in tmp_path.rglob("d/*") if path.is_file())
    damaged.write_bytes(damaged.read_bytes()[:-1])
    said = []
    longer = runner(tmp_path, said.append)
    longer.steps = 21
    assert longer.paused.take_up(longer._who(WANTED), *longer.ready(WANTED)[1:]) is None
    assert said == []
    run(runner(tmp_path, said.append), Execution(3), {}, {})
    assert any("these trainings begin anew" in line for line in said)


def test_the_config_of_the_moment_gives_the_numbers(tmp_path, signaled):
    signaled(2)
    with pytest.raises(Stopped):
        run(runner(tmp_path), Execution(), {}, {})
    trials = runner(tmp_path)
    state = trials.ready(WANTED[0])[1]
    changed = dataclasses.replace(state, hyper={name: x + 1 for name, x in state.hyper.items()})
    kept = trials.paused.take_up(trials._who(WANTED[0]), changed, trials.single.zero)
    assert kept is not None
    assert kept[2] > 0
    assert kept[0].hyper == changed.hyper
