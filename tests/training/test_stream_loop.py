"""Training on streamed rows is training on rows that the device keeps, on 1 and 8 devices."""

import dataclasses

import numpy as np
import pytest

from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.models.registry import ModelConfig
from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig

LOOP = LoopConfig(steps=7, log_every=7, save_every=7, devices=1)


def config(placement):
    return ClassifierConfig(
        data=DataConfig(train="train[:100]", test="test[:30]", batch_size=16, placement=placement),
        model=ModelConfig(name="mlp"),
        optim=SGD(lr=0.1),
        loop=LOOP,
    )


@pytest.fixture(scope="module")
def resident(tmp_path_factory):
    task = classifier_task(config("device"))
    assert type(task.splits["train"]) is Split
    return fit(task, LOOP, tmp_path_factory.mktemp("device"))


@pytest.mark.parametrize("devices", [1, 8])
def test_the_streamed_run_is_the_resident_run(resident, tmp_path, devices):
    task = classifier_task(config("stream"))
    assert isinstance(task.splits["train"], StreamSplit)
    got = fit(task, dataclasses.replace(LOOP, devices=devices), tmp_path)
    for path, value in flatten(resident.state.params).items():
        np.testing.assert_allclose(flatten(got.state.params)[path], value, atol=1e-6)
    assert got.rows[-1]["loss"] == pytest.approx(resident.rows[-1]["loss"], abs=1e-5)
    want = classifier_task(config("device"))
    assert want.evaluate is not None
    assert task.evaluate is not None
    numbers = want.evaluate(got.state, want.splits["test"], None)
    assert numbers == pytest.approx(task.evaluate(got.state, task.splits["test"], None), abs=1e-6)


def test_a_streamed_run_resumes_where_it_stopped(tmp_path):
    whole = fit(classifier_task(config("stream")), LOOP, tmp_path / "whole")
    short = dataclasses.replace(LOOP, steps=3, save_every=3, log_every=3)
    fit(classifier_task(config("stream")), short, tmp_path / "parts")
    got = fit(classifier_task(config("stream")), LOOP, tmp_path / "parts", resume=True)
    for path, value in flatten(whole.state.params).items():
        np.testing.assert_array_equal(flatten(got.state.params)[path], value)
