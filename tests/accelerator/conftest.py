"""An accelerator, or none of these tests; JAXDL_TRY_GPU_TESTS=1 tries the tests on a CPU."""

import os

import jax
import pytest


@pytest.fixture(scope="session")
def accelerator():
    """The first device that is no CPU."""
    device = jax.devices()[0]
    if device.platform == "cpu" and not os.environ.get("JAXDL_TRY_GPU_TESTS"):
        pytest.skip("needs an accelerator")
    return device


@pytest.fixture
def both(accelerator):
    """`both(f, *args)`: what the jitted `f` gives on the CPU and on the accelerator."""

    def run(f, *args):
        with jax.default_matmul_precision("highest"):
            return [
                jax.device_get(jax.jit(f)(*jax.device_put(args, device)))
                for device in (jax.devices("cpu")[0], accelerator)
            ]

    return run
