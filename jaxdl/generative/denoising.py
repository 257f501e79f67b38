"""What a denoiser is trained on: clean rows, noised at a random time step each."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.generative.diffusion import add_noise, alpha_bars
from jaxdl.losses.variational import squared_error
from jaxdl.metrics.accumulate import weighted
from jaxdl.ops.augment.crop_flip import row_normal, row_uniform, split_rows
from jaxdl.training.step import apply_train, global_mean
from jaxdl.typing import Array, Batch, Host, Key, LossFn, LossOutput, Tree


def add_noise_rows(keys: Key, x: Array, betas: Host) -> dict[str, Any]:
    """Draws a time and noise for each row: `inputs` (`x`, `time`) and the `noise` to predict."""
    time_keys, noise_keys = split_rows(keys, 2)
    u = row_uniform(time_keys, 1)[:, 0]
    noise = row_normal(noise_keys, x[0].size).reshape(x.shape)
    return at_times(x, jnp.int32(u * len(betas)), noise, betas)


def sample_timesteps(x: Array, betas: Host) -> dict[str, Any]:
    """As `add_noise_rows`, the same at every call: times spread evenly over the rows."""
    time = jnp.arange(len(x)) * len(betas) // len(x)
    noise = jax.random.normal(jax.random.key(0), x.shape, x.dtype)
    return at_times(x, time, noise, betas)


def at_times(x: Array, time: Array, noise: Array, betas: Host) -> dict[str, Any]:
    """Rows `(B, ...)` at the given time steps `(B,)`."""
    bars = jnp.asarray(alpha_bars(betas), jnp.float32)[time]
    return {"inputs": {"x": add_noise(x, noise, bars), "time": time}, "noise": noise}


def drop_labels(keys: Key, label: Array, none: int, share: float) -> Array:
    """Labels `(B, ...)`, a `share` of them replaced by `none`, which stands for no label."""
    dropped = row_uniform(jax.vmap(jax.random.fold_in, (0, None))(keys, 7), 1)[:, 0] < share
    return jnp.where(dropped.reshape(-1, *[1] * (label.ndim - 1)), none, label)


def noise_error(predicted: Array, batch: Batch) -> Array:
    """Mean squared error of the noise, one value per row: `(B,)` (2006.11239, eq. 14)."""
    return squared_error(predicted, batch["noise"]) / predicted[0].size


def denoising_loss(model: nn.Module) -> LossFn:
    """The mean of `noise_error` over prepared rows, `model` called with their `inputs`."""

    def loss_fn(params: Tree, extra: Tree, batch: Batch, key: Key) -> LossOutput:
        noise, extra = apply_train(model, params, extra, batch["inputs"], key)
        loss = noise_error(noise, batch)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    return loss_fn


def denoising_rows(model: nn.Module) -> Callable[[Tree, Batch], dict[str, Array]]:
    """`loss` of every row, for a `RowEvaluator`."""

    def rows(variables: Tree, batch: Batch) -> dict[str, Array]:
        noise: Any = model.apply(variables, batch["inputs"], train=False)
        return {"loss": noise_error(noise, batch)}

    return rows
