"""Methods of two views: eight devices against one, averages and queues against NumPy, collapse."""

from functools import cache, partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.splits.split import Split
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.optim.config import Adam, Momentum
from jaxdl.selfsup.joint_embedding import JointEmbedding
from jaxdl.selfsup.two_view_methods import METHODS, MethodConfig, SimSiam
from jaxdl.selfsup.two_view_task import two_view_task
from jaxdl.training.loop import fit
from jaxdl.training.parallel import Parallel
from jaxdl.training.plan import LoopConfig
from jaxdl.typing import AXIS

ROWS, STEPS = 32, 3
Norm = partial(BatchNorm, axis_name=AXIS)


class Flat(nn.Module):
    """Pixels - linear - norm - ReLU, the smallest backbone with statistics."""

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(12, name="dense")(x.reshape(len(x), -1))
        return nn.relu(Norm(train=train, name="norm")(x))


def noisy_pair(keys, batch, *, train):
    """Two views: the image and noise, one draw a row."""
    if not train:
        return batch
    draw = jax.vmap(lambda key: jax.random.normal(key, (2, *batch["image"].shape[1:])))
    return {"image": batch["image"][:, None] + 0.3 * draw(keys)}


def task_of(method, optim=Momentum(lr=0.1), batch_size=ROWS):
    image = np.random.default_rng(0).normal(size=(96, 3, 3, 1)).astype(np.float32)
    model = JointEmbedding(Flat(), (8, 6), method.predictor, method.last_norm, Norm)
    splits = {"train": Split({"image": image}, batch_size=batch_size)}
    return two_view_task(method, model, splits, noisy_pair, optim, loop=LoopConfig(steps=200))


def train(task, ways):
    """The states at the start and after each of `STEPS` steps on so many devices; deviations."""
    split, parallel = task.splits["train"], Parallel("shard_map", ways)

    def chunk(state, sums, resident, feed, count):
        state, metrics = task.step(state, split.gather(resident, feed[0]))
        return state, metrics["deviation"][0] / metrics["deviation"][1], count

    state = parallel.place(jax.jit(task.init)(jax.random.key(0)))
    resident, call = parallel.place_all(dict(split.resident())), parallel.bind(chunk)
    states, seen = [jax.device_get(state)], []
    for step in range(STEPS):
        feed = parallel.place_feed(split.feed(step, step + 1))
        state, deviation, _ = call(state, parallel.place_all({}), resident, feed, np.int32(0))
        states.append(jax.device_get(state))
        seen.append(float(deviation))
    return states, seen


@cache
def after(name, ways):
    options = {"moco": {"queue_size": 100}, "byol": {"momentum": 0.75}}
    return train(task_of(METHODS[name](name=name, **options.get(name, {}))), ways)


@pytest.mark.parametrize("name", METHODS)
def test_eight_devices_equal_one_with_negatives_targets_and_queue(name):
    one, eight = after(name, 1), after(name, 8)
    assert one[1][0] != one[1][-1]  # it learns
    for part in ("params", "extra"):
        pairs = (jax.tree.leaves(getattr(states[-1], part)) for states, _ in (eight, one))
        for a, b in zip(*pairs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(eight[1], one[1], rtol=1e-4)


def test_the_target_is_a_moving_average_and_its_statistics_are_its_own():
    states, _ = after("byol", 1)
    averages = jax.tree.leaves(states[0].params)
    for state in states[1:]:
        pairs = zip(averages, jax.tree.leaves(state.params), strict=True)
        averages = [0.75 * a + 0.25 * b for a, b in pairs]
        for a, b in zip(jax.tree.leaves(state.extra["target"]["params"]), averages, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    extra = states[-1].extra
    mean = extra["target"]["batch_stats"]["backbone"]["norm"]["mean"]
    assert np.abs(mean - extra["batch_stats"]["backbone"]["norm"]["mean"]).max() > 1e-4


def test_the_queue_holds_the_targets_embeddings_the_newest_in_front():
    (start, state, *_), _ = after("moco", 1)
    old, new = start.extra["queue"]["keys"], state.extra["queue"]["keys"]
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(new[2 * ROWS :], old[: 100 - 2 * ROWS])
    task = task_of(METHODS["moco"](name="moco", queue_size=100))
    rows = task.splits["train"].batch(task.splits["train"].rows(0, 1)[0])["image"]

    def embed(variables, key, image):
        keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(key, 0), jnp.arange(ROWS))
        views = noisy_pair(keys, {"image": image}, train=True)["image"]
        views = views.reshape(2 * ROWS, *views.shape[2:])
        return task.model.apply(variables, views, train=True, mutable=["batch_stats"])[0]["z"]

    alone = jax.vmap(embed, (None, None, 0), axis_name=AXIS)  # layers ask for the axis of devices
    z = jax.jit(alone)(start.extra["target"], start.key, jnp.asarray(rows)[None])[0]
    z = np.concatenate([z[0::2], z[1::2]])
    np.testing.assert_allclose(
        new[: 2 * ROWS], z / np.linalg.norm(z, axis=1, keepdims=True), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_simsiam_collapses_without_its_stop_gradient_and_the_run_says_so(
    stop_gradient, tmp_path, capfd
):
    method = SimSiam(predictor=(4,), stop_gradient=stop_gradient)
    loop = LoopConfig(steps=200, log_every=25, devices=1)
    rows = fit(task_of(method, Adam(lr=0.1), 96), loop, tmp_path).rows
    assert rows[0]["deviation"] > 0.4
    assert (rows[-1]["deviation"] > 0.6) if stop_gradient else (rows[-1]["deviation"] < 0.1)
    said = [line for line in capfd.readouterr().err.splitlines() if "collapse" in line]
    below = [row for row in rows if row["deviation"] < 0.1]
    assert len(said) == bool(below)  # once, however many rows tell it
    if not stop_gradient:
        step, spread = below[0]["step"], below[0]["deviation"]
        assert said[0].startswith(f"step {step}: the embeddings collapse: their deviation is ")
        assert f"{spread:.3g} (1" in said[0]


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="ema does not go with two views"):
        task_of(METHODS["simclr"](), Adam(ema=0.9))
    with pytest.raises(UsageError, match=r"method\.momentum must lie in \[0, 1\), got 1"):
        METHODS["byol"](momentum=1.0)
    with pytest.raises(UsageError, match=r"method\.queue_size must be .*1.*got 0"):
        METHODS["moco"](queue_size=0)
    with pytest.raises(UsageError, match=r"method\.name must be one of simclr, moco"):
        MethodConfig(name="dino")
    with pytest.raises(UsageError, match=r"method\.name = byol is BYOL, got SimSiam"):
        SimSiam(name="byol")
