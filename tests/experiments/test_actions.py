"""The run of one device without a pause judges two devices, and a run that was cut and went on."""

from importlib import import_module

import jax
import numpy as np
import pytest

from jaxdl.data.config import SyntheticData
from jaxdl.optim.config import SGD
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig


@pytest.mark.slow
def test_actions_are_learned_alike_on_two_devices_and_after_a_pause(tmp_path):
    script = import_module("experiments.video.temporal")
    cfg = script.Config(
        data=SyntheticData("actions", batch_size=4, synthetic_rows=8),
        model=script.NetConfig(lengths=(14,), features=3, hidden=3, proposals=2, bins=2),
        optim=SGD(lr=0.01),
        loop=LoopConfig(steps=3),
    )

    task = script.build(cfg)

    def params(name, steps, resume=False, devices=1):
        loop = LoopConfig(steps=steps, devices=devices)
        return fit(task, loop, tmp_path / name, resume=resume).state.params

    whole = params("whole", 3)
    params("cut", 2)
    jax.tree.map(np.testing.assert_array_equal, params("cut", 3, resume=True), whole)
    two = params("two", 3, devices=2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), two, whole)
