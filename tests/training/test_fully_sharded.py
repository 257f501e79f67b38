"""A state in parts on eight devices: the training of one device, an eighth of its bytes."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.config import Adam
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.chunk import ChunkRunner
from jaxdl.training.fully_sharded import FullySharded, make_parallel
from jaxdl.training.loop import fit
from jaxdl.training.parallel import Parallel
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import supervised
from tests.training import toys


class Wide(nn.Module):
    """Two hidden layers of 256, the first one normalized over the batch."""

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.Dense(256, use_bias=False, name="first")(x)
        x = nn.relu(nn.BatchNorm(not train, name="norm")(x))
        return nn.Dense(2, name="out")(nn.relu(nn.Dense(256, name="second")(x)))


def wide_task():
    """Adam, clipped by the norm of all gradients, with averages."""
    model = Wide()

    def loss_fn(params, extra, batch, key):
        logits, extra = apply_train(model, params, extra, batch["x"], key)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        return global_mean(loss), (extra, {"loss": (loss.sum(), loss.size)})

    return supervised(
        model,
        {"train": toys.points()},
        toys.add_noise_rows,
        loss_fn,
        Adam(lr=1e-3, clip_norm=0.1, ema=0.9, eps=1e-3),
        loop=LoopConfig(steps=12),
        inputs="x",
    )


def bytes_a_device(state):
    """How many bytes of `state` each device holds."""
    held = dict.fromkeys(jax.devices(), 0)
    for x in jax.tree.leaves(state):
        for shard in x.addressable_shards:
            held[shard.device] += shard.data.nbytes
    return list(held.values())


def test_the_losses_and_the_end_are_those_of_one_device(tmp_path):
    ends, losses = {}, {}
    for way, devices in (("fsdp", 8), ("shard_map", 1)):
        loop = LoopConfig(steps=12, log_every=1, parallel=way, devices=devices)
        done = fit(wide_task(), loop, tmp_path / way)
        ends[way], losses[way] = flatten(done.state), [row["loss"] for row in done.rows]
    np.testing.assert_allclose(losses["fsdp"], losses["shard_map"], rtol=1e-6)
    for path, value in ends["shard_map"].items():
        np.testing.assert_allclose(ends["fsdp"][path], value, rtol=1e-5, atol=1e-6, err_msg=path)
    further = LoopConfig(steps=16, log_every=1, parallel="shard_map", devices=1)
    more = fit(wide_task(), further, tmp_path / "fsdp", resume=True)
    assert [row["step"] for row in more.rows] == list(range(1, 17))


def test_each_device_holds_and_is_given_an_eighth():
    task, split = wide_task(), toys.points()
    state = jax.jit(task.init)(jax.random.key(0))
    analyses, held = {}, {}
    for name, parallel in (("fsdp", FullySharded(8)), ("whole", Parallel("shard_map", 8))):
        placed = parallel.place(state)
        runner = ChunkRunner(task.step, split, parallel, state, capacity=4)
        runner.compile(placed)
        new, *_ = runner.advance(placed, runner.fresh_sums(), runner.feed(0, 4), 4)
        held[name] = bytes_a_device(new)
        analyses[name] = runner.program.memory_analysis()
    assert max(held["fsdp"]) < min(held["whole"]) / 6  # small arrays are whole
    assert analyses["fsdp"].argument_size_in_bytes < analyses["whole"].argument_size_in_bytes / 5
    assert analyses["fsdp"].temp_size_in_bytes < analyses["whole"].temp_size_in_bytes


def test_arrays_are_divided_along_the_longest_axis_that_divides():
    parallel = FullySharded(8)
    for shape, want in (
        ((8, 256), (8, 32)),
        ((512, 256), (64, 256)),
        ((1030, 16), (1030, 2)),
        ((33, 35), (33, 35)),
        ((16, 8), (16, 8)),
    ):
        state = toys.environment().init(jax.random.key(0)).replace(params=np.zeros(shape))
        assert parallel.place(state).params.addressable_shards[0].data.shape == want


def test_the_way_is_chosen_by_the_config():
    assert isinstance(make_parallel(LoopConfig(steps=1, parallel="fsdp")), FullySharded)
    assert not isinstance(make_parallel(LoopConfig(steps=1)), FullySharded)
    with pytest.raises(UsageError, match="fsdp"):
        make_parallel(LoopConfig(steps=1, parallel="zero"))
