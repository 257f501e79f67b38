"""One loop for every shape of work: the same state whatever chunks, devices and interruptions."""

import dataclasses
import itertools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DivergedError, UsageError
from jaxdl.optim.config import SGD, Adam
from jaxdl.runs.checkpoint import Checkpoints, flatten, params_sha256
from jaxdl.training import chunk as chunk_module
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig, make_plan
from tests.training import toys

ONE = LoopConfig(steps=20, log_every=5, save_every=10, devices=1)
PLAIN = SGD(lr=0.1)


def close(a, b, tolerance):
    for path, value in flatten(a).items():
        np.testing.assert_allclose(flatten(b)[path], value, atol=tolerance, err_msg=path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same three tasks on one device."""
    folder = tmp_path_factory.mktemp("alone")
    makers = {"net": lambda: toys.classifier(PLAIN), "gan": toys.gan, "world": toys.environment}
    return {k: (make, fit(make(), ONE, folder / k)) for k, make in makers.items()}


@pytest.mark.parametrize("name", ["net", "gan", "world"])
@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_eight_devices_agree_with_one(alone, tmp_path, name, way):
    """Unequal weights a device, synchronized norm, noise a row, state that is never averaged."""
    make, want = alone[name]
    loop = dataclasses.replace(ONE, parallel=way, devices=8)
    got = fit(make(), loop, tmp_path)
    assert got.devices == 8
    # Adam divides by tiny second moments early on, so the GAN's parameters may differ more.
    tolerance = 1e-4 if name == "gan" else 1e-6
    close(want.state.params, got.state.params, tolerance)
    close(want.state.local, got.state.local, tolerance)
    close(want.state.extra, got.state.extra, 1e-5)
    for a, b in zip(want.rows, got.rows, strict=True):
        for key in a.keys() - {"seconds", "examples_per_second"}:
            assert b[key] == pytest.approx(a[key], abs=1e-4), key


def test_adam_on_eight_devices_has_the_loss_of_one(tmp_path):
    losses = {}
    for devices in (1, 8):
        task = toys.classifier(Adam(lr=0.01))
        loop = dataclasses.replace(ONE, devices=devices)
        losses[devices] = fit(task, loop, tmp_path / str(devices)).rows[-1]["loss"]
    assert losses[1] == pytest.approx(losses[8], abs=1e-4)


@pytest.mark.parametrize("name", ["net", "gan", "world"])
def test_a_resumed_run_is_the_uninterrupted_one(alone, tmp_path, name):
    make, want = alone[name]
    fit(make(), dataclasses.replace(ONE, steps=10), tmp_path)
    got = fit(make(), ONE, tmp_path, resume=True)
    assert params_sha256(got.state) == params_sha256(want.state)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [5, 10, 15, 20]
    assert rows[-1].get("loss") == want.rows[-1].get("loss")


@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_a_run_saved_on_four_devices_goes_on_with_two(tmp_path, alone, way):
    make, want = alone["net"]
    four = dataclasses.replace(ONE, steps=10, parallel=way, devices=4)
    fit(make(), four, tmp_path)
    got = fit(make(), dataclasses.replace(four, steps=20, devices=2), tmp_path, resume=True)
    close(want.state.params, got.state.params, 1e-6)


def test_chunks_of_any_length_give_the_same_run(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(chunk_module, "CHUNK_SECONDS", 0.0)  # every chunk is one step
    got = fit(alone["net"][0](), ONE, tmp_path)
    assert params_sha256(got.state) == params_sha256(alone["net"][1].state)
    assert got.rows[-1]["loss"] == alone["net"][1].rows[-1]["loss"]


def test_the_loop_is_the_step_in_python(alone):
    """The reference: the step called twenty times by hand, on rows fetched by hand."""
    make, want = alone["net"]
    task = make()
    state = jax.jit(task.init)(jax.random.key(0))
    split = task.splits["train"]
    step = jax.jit(jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1))
    for rows in itertools.chain(*(split.indices(epoch) for epoch in range(5))):
        batch = {name: value[rows][None] for name, value in split.resident().items()}
        state = jax.tree.map(lambda x: x[0], step(state, batch)[0])
    close(want.state.params, state.params, 1e-6)


@pytest.mark.parametrize("devices", [1, 8])
def test_a_step_that_is_not_finite_changes_nothing_and_stops(tmp_path, devices):
    loop = dataclasses.replace(ONE, devices=devices)
    clean = fit(toys.classifier(PLAIN), dataclasses.replace(loop, steps=7), tmp_path / "clean")
    with pytest.raises(DivergedError, match=r"step 7.*learning rate 0\.1.*on_nan=skip"):
        fit(toys.classifier(PLAIN, poison=7), loop, tmp_path / "bad")
    kept = Checkpoints(tmp_path / "bad" / "checkpoints")
    state, step, _ = kept.restore(clean.state)
    assert step == 7
    assert params_sha256(state) == params_sha256(clean.state)
    assert (tmp_path / "bad" / "debug" / "step_7.npz").exists()


def test_a_step_that_is_not_finite_can_be_skipped(tmp_path):
    loop = dataclasses.replace(ONE, on_nan="skip")
    got = fit(toys.classifier(PLAIN, poison=7), loop, tmp_path)
    assert (got.steps, got.skipped) == (20, 1)
    assert [row.get("skipped") for row in got.rows] == [None, 1.0, None, None]
    assert all(math.isfinite(row["loss"]) for row in got.rows)


def scores(*values):
    """An evaluation that gives these losses in turn."""
    left = iter(values)
    return lambda state, split, folder: {"loss": next(left)}


def test_evaluations_join_their_rows_and_the_best_state_is_kept(tmp_path):
    loop = dataclasses.replace(ONE, eval_every=5, best="val_loss")
    task = toys.classifier(PLAIN, evaluate=scores(3.0, 1.0, 2.0, 1.5))
    got = fit(task, loop, tmp_path)
    assert [row["val_loss"] for row in got.rows] == [3.0, 1.0, 2.0, 1.5]
    assert got.best_step == 10
    assert int(got.state.step) == 10


def test_patience_ends_a_run_that_does_not_get_better(tmp_path):
    loop = dataclasses.replace(ONE, eval_every=5, best="val_loss", patience=2)
    task = toys.classifier(PLAIN, evaluate=scores(1.0, 2.0, 3.0, 0.0))
    assert fit(task, loop, tmp_path).steps == 15


def test_a_name_that_the_evaluation_does_not_give_is_refused(tmp_path):
    loop = dataclasses.replace(ONE, eval_every=5, best="val_acuracy")
    task = toys.classifier(PLAIN, evaluate=scores(1.0))
    with pytest.raises(UsageError, match="val_acuracy.*val_loss"):
        fit(task, loop, tmp_path)


def test_a_batch_that_does_not_divide_names_both_numbers(tmp_path):
    task = toys.classifier(PLAIN, split=toys.points(batch_size=6))
    with pytest.raises(UsageError, match="batch 6 does not divide over 4 devices; use 4 or 8"):
        fit(task, dataclasses.replace(ONE, devices=4), tmp_path)


def test_a_run_is_never_started_over_another(alone, tmp_path):
    fit(alone["net"][0](), dataclasses.replace(ONE, steps=5), tmp_path)
    with pytest.raises(UsageError, match="already holds checkpoints"):
        fit(alone["net"][0](), ONE, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give steps or epochs"),
        ({"steps": 20, "eval_every": 5}, "needs a val split"),
        ({"steps": 20, "best": "val_loss"}, "needs a val split"),
    ],
)
def test_intervals_that_do_not_fit_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        make_plan(LoopConfig(**options), 10, has_val=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "loop.steps must be at least 1, got 0"),
        ({"epochs": -1}, "loop.epochs must be at least 1"),
        ({"on_nan": "ignore"}, "loop.on_nan must be one of stop, skip"),
        ({"patience": 3}, "loop.patience needs loop.best"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        LoopConfig(**options)


def test_remat_reaches_the_step_which_has_no_blocks(tmp_path):
    with pytest.raises(UsageError, match=r"loop\.remat: this model has no repeated blocks"):
        fit(toys.classifier(), LoopConfig(steps=4, remat=True), tmp_path)


def test_default_intervals_are_multiples_of_the_log_interval():
    plan = make_plan(LoopConfig(epochs=3), 937, has_val=True)
    assert plan.steps == 2811
    assert plan.log_every == 500
    assert plan.save_every % 500 == plan.eval_every % 500 == 0
    assert jnp.isfinite(plan.save_every)


@pytest.mark.parametrize("name", ["eval_every", "save_every"])
def test_an_interval_is_rounded_up_to_whole_rows_of_the_log_which_is_said(name, capsys):
    plan = make_plan(LoopConfig(steps=90, log_every=30, **{name: 60}), 9, has_val=True)
    assert getattr(plan, name) == 60
    assert capsys.readouterr().err == ""
    plan = make_plan(LoopConfig(steps=90, log_every=30, **{name: 50}), 9, has_val=True)
    assert getattr(plan, name) == 60
    assert f"loop.{name}: every 60 steps, not 50" in capsys.readouterr().err
