"""Clips by class: resumed and on eight devices the same run; views, frozen parts and true flow."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from experiments.video.classification import Config, FlowConfig, build, flow_to_the_next, make_loss
from jaxdl.data.config import MovingData
from jaxdl.data.synthetic.moving_shapes import Moving
from jaxdl.optim.config import SGD
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.typing import AXIS
from jaxdl.video.models.by_name import video_model_options
from jaxdl.video.models.fusion import SingleFrame
from tests.video.models.random_variables import clips, random_variables

DATA = MovingData(synthetic_rows=32, batch_size=8, image_size=(12,))
NET = video_model_options("slow_fusion")(features=(3,), pools=(4,), norm="batch_sync")


def config(steps, devices=1, **options):
    loop = LoopConfig(steps=steps, devices=devices, log_every=2, save_every=2)
    return Config(data=DATA, model=NET, optim=SGD(lr=0.1), loop=loop, **options)


def state_after(cfg, folder, **options):
    return fit(build(cfg), cfg.loop, folder, **options).state


def test_a_resumed_run_is_the_uninterrupted_one_and_eight_devices_make_the_steps_of_one(tmp_path):
    whole = state_after(config(4), tmp_path / "whole")
    state_after(config(2), tmp_path / "half")
    both = state_after(config(4), tmp_path / "half", resume=True)
    eight = state_after(config(4, devices=8), tmp_path / "eight")
    for name in ("params", "extra"):
        want = jax.tree.leaves(getattr(whole, name))
        for a, b in zip(jax.tree.leaves(getattr(both, name)), want, strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(jax.tree.leaves(getattr(eight, name)), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_what_is_frozen_stays(tmp_path):
    cfg = config(2, freeze=("stack/*",))
    start = build(cfg).init(jax.random.key(cfg.seed))
    end = state_after(cfg, tmp_path)
    same = [
        [np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, pair), strict=True)]
        for pair in (
            (start.params["stack"], end.params["stack"]),
            (start.params["head"], end.params["head"]),
            (start.extra, end.extra),
        )
    ]
    assert all(same[0])
    assert not any(same[1])
    assert all(same[2])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_every_frame_has_its_own_cross_entropy(smoothing):
    model, x = SingleFrame(3, features=(2,), pools=(2,)), clips(2, 3, 4, 4, 3)
    variables = random_variables(model, x.shape)
    extra = {"batch_stats": variables["batch_stats"]}
    label = np.array([2, 0])
    loss_fn = make_loss(model, smoothing)
    batch = {"image": x[None], "label": label[None]}  # of one device

    @partial(jax.vmap, axis_name=AXIS)
    def loss_of(batch):
        return loss_fn(variables["params"], extra, batch, jax.random.key(0))[0]

    logits, _ = model.apply(variables, x, train=True, mutable=["batch_stats"])
    aim = (1 - smoothing) * np.eye(3)[label][:, None] + smoothing / 3
    want = -(aim * log_softmax(np.float64(logits), -1)).sum(-1)
    assert want.shape == (2, 3)
    np.testing.assert_allclose(loss_of(batch)[0], want.mean(), rtol=1e-5)


def test_two_streams_are_given_the_flow_to_the_next_frame():
    rows = Moving(100, motions=("right", "down"), fields=("video", "flow", "masks")).rows(
        np.arange(8)
    )
    video = rows["video"].astype(np.float32) / 255
    flow = np.asarray(flow_to_the_next(video, FlowConfig(iterations=3)))
    assert flow.shape == (8, 8, 32, 32, 2)
    np.testing.assert_array_equal(flow[:, -1], 0)
    inner = rows["masks"][:, :-1]
    error = np.linalg.norm(flow[:, :-1] - rows["flow"], axis=-1)[inner]
    assert np.median(error) < 0.3 * np.median(np.linalg.norm(rows["flow"], axis=-1)[inner])
    cfg = replace(config(2), data=replace(DATA, image_size=(16,)))
    task = build(replace(cfg, model=video_model_options("two_stream")()))
    batch = task.splits["train"].batch(np.arange(2))
    prepared = task.prepare(jax.random.split(jax.random.key(0), 2), batch, train=True)
    assert prepared["image"].shape == (2, 8, 16, 16, 5)
    assert np.abs(prepared["image"][..., 3:]).max() > 0.1
