"""A loss that is not finite: the state before it is kept, the batch is shown, no NaN is saved."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DivergedError
from jaxdl.data.digits import load_digits
from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
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


@pytest.mark.parametrize(
    ("part", "value", "refused"),
    [
        ("params", np.inf, True),
        ("extra", np.nan, True),
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
