"""A loss that is not finite: the state before it is kept, the batch is shown, no NaN is saved."""

import dataclasses
import json
import re
from functools import partial

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import CheckpointError, DivergedError
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.data.digits import load_digits
from jaxdl.models.registry import model_options
from jaxdl.optim.config import SGD
from jaxdl.runs import checkpoint
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.restore import restore_state
from tests.faults.conftest import saved_steps
from tests.training import toys


def test_a_run_that_diverges_says_where_and_keeps_what_was(start, tmp_path):
    run_dir = tmp_path / "run"
    flags = ["--optim.name=sgd", "--optim.lr=1e30", "--optim.schedule=constant"]
    command = start("run", "digits_mlp", *flags, "--run-dir", run_dir)
    assert command.wait() == 3, command.said
    error = command.said.splitlines()[-1]
    assert re.match(
        r"error: the loss or a gradient is not finite at step 1 \(.*grad_norm (nan|inf), "
        r"loss (nan|inf), learning rate 1e\+30\); the state before it is saved\. Its batch "
        rf"\(rows (\d+, ){{8}}\.\.\.\) is in {run_dir}/debug/step_1\.npz; lower optim\.lr, set "
        r"optim\.clip_norm, or loop\.on_nan=skip",
        error,
    ), error
    assert "resume with: jaxdl run" in command.said
    with np.load(run_dir / "debug" / "step_1.npz") as batch:
        rows = load_digits()[0]["train"]
        np.testing.assert_array_equal(batch["label"], rows["label"][batch["rows"]])
        np.testing.assert_array_equal(batch["image"], rows["image"][batch["rows"]])
    assert saved_steps(run_dir) == [1]
    arrays = Checkpoints(run_dir / "checkpoints")._load_arrays(1)
    assert all(np.isfinite(x).all() for x in arrays.values())
    assert int(arrays["step"]) == 1


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_parameters_that_overflow_under_a_finite_loss_are_not_saved(tmp_path):
    task = toys.classifier(SGD(lr=1e39))
    with pytest.raises(DivergedError, match=r"at step 1 \(.*params\.\S+ holds a NaN or an inf"):
        fit(task, LoopConfig(steps=5, devices=1), tmp_path)
    assert saved_steps(tmp_path) == []


@pytest.fixture(scope="module")
def hiding():
    """A task whose compiled network gives finite logits with a NaN in it: XLA's fused maximum."""
    net = model_options("preact_resnet20")(blocks=(1,), width=4)
    data = DataConfig(batch_size=64, val=100)
    return classifier_task(ClassifierConfig(data=data, model=net, loop=LoopConfig(steps=8)))


def spoiled(state, part, path):
    """`state` with a NaN in one array of `part`."""
    flat = flax.traverse_util.flatten_dict(getattr(state, part), sep="/")
    flat[path] = flat[path].at[(0,) * flat[path].ndim].set(jnp.nan)
    return state.replace(**{part: flax.traverse_util.unflatten_dict(flat, sep="/")})


NORM = "batch_stats/stage1_block1/norm1/var"


@pytest.mark.parametrize(("part", "path"), [("params", "stem/kernel"), ("extra", NORM)])
def test_a_nan_that_a_fused_program_hides_is_found_before_it_is_reported(hiding, part, path):
    state = spoiled(jax.jit(hiding.init)(jax.random.key(0)), part, path)
    numbers = hiding.evaluate(state, hiding.splits["val"])
    hidden = all(map(np.isfinite, numbers.values()))
    assert hidden or jax.default_backend() != "cpu"  # else there is nothing to find
    where = rf"{part}\.{path.replace('/', '.')} holds a NaN or an infinity at step 0"
    with pytest.raises(DivergedError, match=where):
        hiding.measure(state, hiding.splits["val"])


def test_a_hidden_nan_ends_a_run_at_its_next_evaluation(hiding, tmp_path):
    def step(state, batch):  # statistics have no part in losses and gradients
        new, metrics = hiding.step(state, batch)
        bad = jax.tree.map(partial(jnp.where, state.step == 3), spoiled(new, "extra", NORM), new)
        return bad, metrics

    loop = LoopConfig(steps=8, eval_every=2, save_every=8, log_every=2, devices=1)
    with pytest.raises(DivergedError, match=r"norm1\.var holds a NaN or an infinity at step 4"):
        fit(dataclasses.replace(hiding, step=step), loop, tmp_path)
    assert saved_steps(tmp_path) == []
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "val_loss" in row] == [2]


@pytest.mark.parametrize(
    ("part", "value", "refused"),
    [
        ("params", np.inf, True),
        ("extra", np.nan, True),
        ("ema_extra", np.inf, True),
        ("opt_state", np.nan, True),
        ("opt_state", np.inf, False),  # "no best value yet" may be written so
        ("params", 3.0, False),
    ],
)
def test_no_checkpoint_holds_a_nan(tmp_path, part, value, refused):
    kept = Checkpoints(tmp_path)
    state = {"params": {"w": jnp.ones(3)}, part: {"w": jnp.array([0, value, 0], jnp.float32)}}
    if refused:
        with pytest.raises(DivergedError, match=rf"{part}\.w holds a NaN or an infinity at step 4"):
            kept.save(4, state, {})
    else:
        kept.save(4, state, {})
    assert kept.steps() == [4] * (not refused)


@pytest.mark.parametrize("part", ["params", "extra"])
def test_a_run_whose_weights_are_not_finite_is_not_taken_up(tmp_path, monkeypatch, part):
    """As an earlier version may have saved it: what predicts and shows would hide it."""
    task = toys.classifier()
    state = task.init(jax.random.key(0))
    spoilt = jax.tree.map(lambda x: x.at[0].set(jnp.nan), getattr(state, part))
    monkeypatch.setattr(checkpoint, "check_finite", lambda *args: None)
    Checkpoints(tmp_path / "checkpoints").save(3, state.replace(**{part: spoilt}), {})
    with pytest.raises(CheckpointError, match=r"checkpoints/3: \S+ holds a NaN or an infinity"):
        restore_state(tmp_path, task, LoopConfig())
    Checkpoints(tmp_path / "checkpoints").save(4, state, {})
    restore_state(tmp_path, task, LoopConfig())
