"""What the runtime means when it says that memory ran out, or that nobody answers."""

import jax

from jaxdl.checks import DeviceMemoryError, ProcessLostError


def explain(error: Exception, needs: str = "") -> Exception:
    """What `error` means: DeviceMemoryError, ProcessLostError, else `error` itself."""
    if isinstance(error, jax.errors.JaxRuntimeError) and jax.process_count() > 1:
        words = str(error).splitlines()[0]
        if any(word in words for word in ("Gloo", "NCCL", "UNAVAILABLE", "peer")):
            return ProcessLostError(
                f"another process of this run is gone; what was saved stands ({words})"
            )
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
