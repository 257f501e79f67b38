"""A trained model as one StableHLO program, which runs where jax is, without jaxdl."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from jaxdl.checks import UsageError
from jaxdl.typing import Array, Host, Prepare, Tree

PLATFORMS = ("cpu", "cuda", "tpu")


def export_program(
    model: Any,
    variables: Tree,
    prepare: Prepare,
    example: Host,
    *,
    platforms: Sequence[str] = PLATFORMS,
) -> bytes:
    """`(B, ...)` like `example`, any number of rows -> the model's output, preparation included.

    The weights are constants of the program. `jax.export.deserialize(bytes).call(rows)` runs it on
    any of `platforms`; its format is kept readable by jax for six months of versions
    (jax.readthedocs.io, "Exporting and serializing"). Raises UsageError where the model cannot be
    written for a number of rows that is not known.
    """

    def apply(rows: Array) -> Any:
        keys = jax.random.split(jax.random.key(0), 1)
        keys = jnp.broadcast_to(keys, (rows.shape[0],))
        images = prepare(keys, {"image": rows}, train=False)["image"]
        return model.apply(variables, images, train=False)

    (batch,) = export.symbolic_shape("batch")
    rows = jax.ShapeDtypeStruct((batch, *example.shape), example.dtype)
    try:
        made = export.export(jax.jit(apply), platforms=list(platforms))(rows)
    except (TypeError, ValueError, NotImplementedError) as error:
        line = str(error).strip().splitlines()[0]
        raise UsageError(
            f"export: {type(model).__name__} cannot be written for any number of rows ({line})"
        ) from error
    return bytes(made.serialize())
