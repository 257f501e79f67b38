"""MAML as it is trained: its loss against loops over tasks, one after the other."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.selfsup.maml import Config, InnerConfig, build
from jaxdl.checks import UsageError
from jaxdl.data.config import data_config
from jaxdl.training.plan import LoopConfig
from jaxdl.typing import AXIS
from tests.data.files.made_omniglot import write_omniglot


@pytest.fixture(scope="module")
def cfg(tmp_path_factory):
    folder = tmp_path_factory.mktemp("omniglot")
    write_omniglot(folder)
    data = data_config("omniglot_small", path=str(folder), forms=4, batch_size=6)
    return Config(data=data, ways=3, queries=2, features=(3,), loop=LoopConfig(steps=1))


@pytest.mark.parametrize("inner", [InnerConfig(steps=1, rate=0.3), InnerConfig(steps=2, rate=0.1)])
def test_each_task_is_adapted_by_itself(cfg, inner):
    """Tasks one after the other, their updates by plain gradients."""
    task = build(dataclasses.replace(cfg, inner=inner))
    state = jax.jit(task.init)(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 6)
    prepare = jax.jit(partial(task.prepare, train=True))
    batch = prepare(keys, dict(task.splits["train"].batch(np.arange(6))))
    loss_fn: Any = task.loss_fn
    call = lambda _: loss_fn(state.params, {}, batch, jax.random.key(2))  # noqa: E731
    loss, (_, metrics) = jax.jit(jax.vmap(call, axis_name=AXIS))(jnp.zeros(1))
    model: Any = task.model

    @jax.jit
    @jax.grad
    def gradient(params, support):
        logits = model.apply({"params": params}, support, train=True)
        return -jax.nn.log_softmax(logits)[jnp.arange(3), jnp.arange(3)].mean()

    score = jax.jit(lambda params, query: model.apply({"params": params}, query, train=True))
    images = np.asarray(batch["image"]).reshape(2, 3, 3, 28, 28, 1)
    want = []
    for support, query in zip(
        images[:, :, 0], images[:, :, 1:].reshape(2, 6, 28, 28, 1), strict=True
    ):
        params = state.params
        for _ in range(inner.steps):
            grads = jax.device_get(gradient(params, support))
            params = jax.tree.map(lambda p, g: np.asarray(p) - inner.rate * g, params, grads)
        scores = np.asarray(score(params, query), np.float64)
        for row, label in zip(scores, np.repeat(np.arange(3), 2), strict=True):
            want.append(np.log(np.exp(row - row[label]).sum()))
    assert float(loss[0]) == pytest.approx(np.mean(want), rel=1e-4)
    assert float(metrics["accuracy"][1][0]) == 12


def test_a_batch_is_of_whole_tasks(cfg):
    with pytest.raises(UsageError, match="must be a multiple of ways = 4"):
        dataclasses.replace(cfg, ways=4)
