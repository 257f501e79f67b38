"""What the runtime means when it says that memory ran out."""

import jax

from jaxdl.checks import DeviceMemoryError


def explain(error: Exception, needs: str = "") -> Exception:
    """A DeviceMemoryError where `error` says that memory ran out, else `error` itself."""
    device = isinstance(error, jax.errors.JaxRuntimeError) and any(
        words in str(error) for words in ("RESOURCE_EXHAUSTED", "Out of memory")
    )
    if not device and not isinstance(error, MemoryError):
        return error
    first = (str(error) or "MemoryError").splitlines()[0]
    return DeviceMemoryError(
        f"memory ran out {needs}: {first}. Lower data.batch_size, use a smaller model, or train on "
        "more devices"
    )
