"""Which errors mean that memory ran out."""

import jax
import pytest

from jaxdl.checks import DeviceMemoryError
from jaxdl.runs.errors import explain


@pytest.mark.parametrize(
    "error",
    [
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 2GiB\nmore"),
        jax.errors.JaxRuntimeError("Out of memory allocating 8 bytes"),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_is_said_in_one_line_with_what_to_do(error):
    said = explain(error, "in the first step")
    assert isinstance(said, DeviceMemoryError)
    first = str(error).splitlines()[0] if str(error) else "MemoryError"
    assert f"memory ran out in the first step: {first}. Lower data.batch_size" in str(said)


@pytest.mark.parametrize("error", [ValueError("x"), jax.errors.JaxRuntimeError("INTERNAL: x")])
def test_other_errors_stay_what_they_are(error):
    assert explain(error) is error
