"""k devices: k times the batch, k times the rate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.config import DataConfig
from jaxdl.optim.config import SGD, Adam
from jaxdl.training.linear_scaling import scale_to_devices
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.typing import AXIS
from tests.training import toys


@pytest.mark.parametrize(("devices", "warmup"), [(1, 0), (4, 500), (None, 500)])
def test_batch_and_rate_grow_with_the_devices(devices, warmup):
    count = devices or 8
    data, optim = scale_to_devices(
        DataConfig(batch_size=16), Adam(lr=0.1), LoopConfig(steps=1, devices=devices)
    )
    assert data.batch_size == 16 * count
    assert optim.lr == pytest.approx(0.1 * count)
    assert optim.warmup == warmup


def test_a_warm_up_of_ones_own_stays():
    given = Adam(warmup=7)
    _, optim = scale_to_devices(DataConfig(), given, LoopConfig(steps=1, devices=2))
    assert optim.warmup == 7


def test_a_large_step_is_the_sum_of_the_small_ones_from_the_same_weights(tmp_path):
    """The reason for the rate k a: gradients are means, so k devices take k times one's step."""
    loop = LoopConfig(steps=1, devices=4)
    _, optim = scale_to_devices(DataConfig(batch_size=4), SGD(lr=0.1, warmup=1), loop)
    split = toys.points(64, 16)
    task = toys.linear(optim, split)
    before = np.asarray(task.init(jax.random.key(0)).params["kernel"])
    after = np.asarray(fit(task, loop, tmp_path).state.params["kernel"])
    rows = split.batch(split.indices(0)[0])
    small = toys.linear(SGD(lr=0.1), split)
    moved = 0
    for part in range(4):
        batch = {k: jnp.asarray(v[4 * part : 4 * part + 4])[None] for k, v in rows.items()}
        state = small.init(jax.random.key(0))
        new = jax.vmap(small.step, (None, 0), axis_name=AXIS)(state, batch)[0]
        moved = moved + np.asarray(new.params["kernel"][0]) - before
    np.testing.assert_allclose(after - before, moved, atol=1e-6)
