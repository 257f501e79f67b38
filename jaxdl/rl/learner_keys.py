"""Keys of several learners in one program."""

import jax
import jax.numpy as jnp

from jaxdl.typing import Key


def learner_keys(keys: Key, learners: int) -> Key:
    """`(...)` keys -> `(..., S)`: a learner's own does not depend on how many there are."""
    fold = jax.vmap(jax.random.fold_in, (None, 0))
    for _ in range(keys.ndim):
        fold = jax.vmap(fold, (0, None))
    return fold(keys, jnp.arange(learners))
