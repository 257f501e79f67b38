"""The loss of an episode against float64 loops over the network's embeddings."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.selfsup.few_shots import Config, EpisodeConfig, build
from jaxdl.data.config import data_config
from jaxdl.training.plan import LoopConfig
from jaxdl.typing import AXIS
from tests.data.files.made_omniglot import write_omniglot


@pytest.mark.parametrize(("shots", "queries"), [(1, 2), (3, 1)])
def test_the_loss_is_that_of_the_nearest_mean(tmp_path, shots, queries):
    write_omniglot(tmp_path)
    data = data_config("omniglot_small", path=str(tmp_path), forms=1, batch_size=5)
    episode = EpisodeConfig(shots=shots, queries=queries)
    cfg = Config(data=data, features=(4, 3), episode=episode, loop=LoopConfig(steps=1))
    task = build(cfg)
    state = jax.jit(task.init)(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 5)
    prepare = jax.jit(partial(task.prepare, train=True))
    batch = prepare(keys, dict(task.splits["train"].batch(np.arange(5))))
    assert batch["image"].shape == (5 * (shots + queries), 28, 28, 1)
    loss_fn: Any = task.loss_fn
    call = lambda _: loss_fn(state.params, state.extra, batch, jax.random.key(2))  # noqa: E731
    loss, (_, metrics) = jax.jit(jax.vmap(call, axis_name=AXIS))(jnp.zeros(1))
    variables = {"params": state.params, **state.extra}
    model: Any = task.model
    embed = lambda _: model.apply(  # noqa: E731
        variables, batch["image"], train=True, mutable=list(state.extra)
    )[0]
    (z,) = jax.jit(jax.vmap(embed, axis_name=AXIS))(jnp.zeros(1))
    z = np.asarray(z, np.float64).reshape(5, shots + queries, -1)
    means = [sum(rows[:shots]) / shots for rows in z]
    want, right = [], 0
    for label in range(5):
        for query in z[label, shots:]:
            scores = [-sum((query - mean) ** 2) for mean in means]
            want.append(np.log(sum(np.exp(s - scores[label]) for s in scores)))
            right += scores[label] == max(scores)
    assert float(loss[0]) == pytest.approx(np.mean(want), rel=1e-3)
    assert [float(x[0]) for x in metrics["accuracy"]] == [right, 5 * queries]


def test_an_episode_without_queries_is_refused():
    with pytest.raises(ValueError, match="shots and queries must be at least 1"):
        EpisodeConfig(queries=0)
