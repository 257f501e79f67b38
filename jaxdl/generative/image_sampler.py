"""Images out of noise by a trained denoiser, with a condition or without."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.generative.diffusion import DiffusionConfig, guided, make_betas, sample
from jaxdl.typing import Array, Key, Tree

BATCH = 128


class ImageSampler:
    """Draws images of `shape` `(H, W, C)` in [0, 1] from `model`, which sees them in [-1, 1].

    `none` is the label that stands for no label, of which guidance leads away.
    """

    def __init__(
        self, model: nn.Module, how: DiffusionConfig, shape: tuple[int, ...], none: int, seed: int
    ) -> None:
        self.model, self.how, self.shape, self.none, self.seed = model, how, shape, none, seed
        self.betas = make_betas(how.schedule, how.steps)
        self.program = jax.jit(self._sample, static_argnames=("guidance", "kept"))

    def _sample(
        self,
        variables: Tree,
        start: Array,
        label: Array,
        key: Key,
        *,
        guidance: float,
        kept: int = 0,
    ) -> tuple[Array, Array]:
        def denoise(label: Array, x: Array, time: Array) -> Array:
            inputs = {"x": x, "time": time, "label": label}
            made: Any = self.model.apply(variables, inputs, train=False)
            return made

        none = jnp.full_like(label, self.none)
        both = guided(partial(denoise, label), partial(denoise, none), guidance)
        options = {"count": self.how.sample_steps, "eta": self.how.eta, "kept": kept}
        made, seen = sample(both, self.betas, start, key, bound=1.0, **options)
        return (made + 1) / 2, (seen + 1) / 2

    def make(self, variables: Tree, start: Any, label: Any, guidance: float | None = None) -> Any:
        """Noise `(N, H, W, C)` and labels `(N, ...)` -> images, under this guidance (default: that
        of the config)."""
        variables, start, label = jax.device_get(variables), np.asarray(start), np.asarray(label)
        guidance = self.how.guidance if guidance is None else guidance

        def call(rows: Any) -> Array:
            key = jax.random.fold_in(jax.random.key(self.seed), rows[0])
            return self.program(variables, start[rows], label[rows], key, guidance=guidance)[0]

        return apply_in_batches(call, len(start), min(BATCH, len(start)))

    def chain(self, variables: Tree, start: Array, label: Any, kept: int) -> tuple[Array, Array]:
        """Images of all of `start` at once, and `kept` states on the way, `(kept, N, H, W, C)`."""
        key = jax.random.key(self.seed)
        return self.program(variables, start, label, key, guidance=self.how.guidance, kept=kept)

    def noise(self, count: int, seed: int = 0) -> Array:
        """`(count, H, W, C)`, the same at every call."""
        return jax.random.normal(jax.random.key(seed), (count, *self.shape), jnp.float32)
