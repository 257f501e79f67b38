"""Small nets: parameters counted by torch, dead units by NumPy, a planted truth for the rates."""

from itertools import pairwise

import jax
import numpy as np
import pytest
import torch

from experiments.classic.small_nets import Config, dead, forms, run, task_of, thin_width
from jaxdl.data.config import DataConfig
from jaxdl.data.load import load_splits
from jaxdl.training.plan import LoopConfig


def count(*widths):
    """Of torch's dense layers."""
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


@pytest.mark.parametrize(("inputs", "wide", "depth"), [(784, 128, 4), (64, 32, 2), (20, 9, 6)])
def test_the_deep_net_has_as_many_parameters_and_no_more(inputs, wide, depth):
    thin = thin_width(inputs, wide, 10, depth=depth)
    most = count(inputs, wide, 10)
    assert count(inputs, *[thin] * depth, 10) <= most < count(inputs, *[thin + 1] * depth, 10)


def test_widths_and_strengths_are_those_of_the_course():
    assert list(forms(Config(), "width", 64, 10)) == ["2", "8", "32", "128", "512"]
    strengths = [(form.l2, form.l1) for form in forms(Config(), "l1", 64, 10).values()]
    assert strengths == [(0, 0), (0, 0.1), (0, 0.01), (0, 0.001), (0, 0.0001)]


def test_val_rows_choose_the_rate_and_zeros_fail(tmp_path):
    cfg = Config(
        data=DataConfig(name="digits", val=200),
        questions=("start",),
        hidden=32,
        learning_rates=(1e-6, 0.05),  # by the first nothing is learned
        loop=LoopConfig(epochs=6),
    )
    metrics = run(cfg, tmp_path)["metrics"]
    assert metrics["rate_start_kaiming"] == 0.05
    assert metrics["test_accuracy_start_zeros"] < 0.2 < 0.8 < metrics["test_accuracy_start_kaiming"]
    assert (tmp_path / "small_nets.png").stat().st_size > 5000


def test_dead_units_are_those_that_numpy_finds_zero_for_every_val_row():
    cfg = Config(data=DataConfig(name="digits", val=200), hidden=64)
    splits = load_splits(cfg.data)
    task = task_of(cfg, forms(cfg, "bias", 64, 10)["-0.1"], splits)
    state = task.init(jax.random.key(0))
    layer = jax.device_get(state.params["dense1"])
    assert np.all(layer["bias"] == np.float32(-0.1))
    x = splits["val"].batch(np.arange(200))["image"].reshape(200, 64) / 255.0
    never = np.all(x @ layer["kernel"].astype(np.float64) - 0.1 <= 0, axis=0)
    assert 0 < never.mean() < 1
    assert dead(task, state) == never.mean()
