"""Means of weights against loops, their batch statistics against torch's `update_bn`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.optim.config import SGD, Adam
from jaxdl.runs.checkpoint import Checkpoints
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import as_it_is, supervised
from jaxdl.typing import AXIS
from tests.training import toys


@pytest.mark.parametrize(("start", "every"), [(0.2, 1), (0.4, 2)])
def test_the_mean_counts_the_weights_it_should(start, every):
    task = toys.classifier(SGD(lr=0.1, swa=start, swa_every=every), steps=10)
    state = task.init(jax.random.key(0))
    step = jax.jit(jax.vmap(task.step, (None, 0), axis_name=AXIS))
    batch = {k: v[None, :16] for k, v in task.splits["train"].resident().items()}
    taken = []
    for t in range(10):
        state = jax.tree.map(lambda x: x[0], step(state, batch)[0])
        now = np.asarray(state.params["out"]["kernel"], np.float64)
        if t >= 10 * start and (t - 10 * start) % every == 0:
            taken.append(now)
        want = np.mean(taken, axis=0) if taken else now
        np.testing.assert_allclose(state.ema["out"]["kernel"], want, rtol=1e-5, atol=1e-6)
    assert state.variables["params"] is state.ema


class Normed(nn.Module):
    momentum: float

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(4, name="hidden")(x)
        x = BatchNorm(train, self.momentum, axis_name=AXIS, name="norm")(x)
        return nn.Dense(2, name="out")(x)


def task_of(momentum, optim):
    model = Normed(momentum)

    def loss_fn(params, extra, batch, key):
        logits, extra = apply_train(model, params, extra, batch["x"], key)
        loss = jnp.sum(logits**2, axis=1)
        return global_mean(loss), (extra, {"loss": (loss.sum(), loss.size)})

    splits = {"train": toys.points(64, 16)}
    return supervised(model, splits, as_it_is, loss_fn, optim, loop=LoopConfig(steps=8), inputs="x")


@pytest.mark.parametrize("average", ["swa", "ema"])
@pytest.mark.parametrize(("momentum", "devices"), [(0.1, 1), (0.5, 4)])
def test_averaged_weights_have_the_statistics_of_torchs_update_bn(
    momentum, devices, average, tmp_path
):
    torch = pytest.importorskip("torch")
    task = task_of(momentum, SGD(lr=0.05, **{average: 0.5}))
    ran = fit(task, LoopConfig(steps=8, devices=devices), tmp_path)
    hidden = jax.tree.map(np.asarray, ran.state.ema["hidden"])
    twin = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4))
    with torch.no_grad():
        twin[0].weight.copy_(torch.tensor(hidden["kernel"].T))
        twin[0].bias.copy_(torch.tensor(hidden["bias"]))
    split = task.splits["train"]
    batches = [torch.tensor(split.batch(rows)["x"]) for rows in split.indices(0)]
    torch.optim.swa_utils.update_bn(batches, twin)
    stats = ran.state.variables["batch_stats"]["norm"]
    np.testing.assert_allclose(stats["mean"], twin[1].running_mean, atol=1e-5)
    np.testing.assert_allclose(stats["var"], twin[1].running_var, rtol=1e-4)
    saved = Checkpoints(tmp_path / "checkpoints").restore(jax.eval_shape(lambda: ran.state))[0]
    np.testing.assert_array_equal(saved.variables["batch_stats"]["norm"]["var"], stats["var"])


def test_without_means_a_state_passes_unchanged():
    task = toys.classifier(Adam())
    state = task.init(jax.random.key(0))
    assert task.refresh(state) is state
