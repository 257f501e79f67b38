"""What autoregressive models of pixels share: levels, the likelihood, and sampling.

Besides its call on whole images, a model gives three methods that do the same pixel by pixel:

- `start(batch, width) -> (rows, cells)`: empty memories, by layer: the last rows `(B, n, W, C)` and
  the last pixels of this row `(B, n, C)` of what the layer was given.
- `begin_row(rows, label) -> (context, rows)`: what the rows above say, `(B, W, F)` a layer.
- `pixel(x, cells, context, label) -> (out, inputs)`: a pixel `(B, C)`, of which earlier colors
  are known; `out` `(B, colors, F)`, and what each layer was given, `(B, C)`.

The layer that sees the image is called `first`.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.logistic_mixture import discretized_logistic_nll, draw_logistic
from jaxdl.typing import Array, Batch, Key, Tree


def to_levels(image: Array, levels: int) -> Array:
    """uint8 `(B, H, W, C)` -> int32 in [0, levels), equal intervals of gray."""
    return image.astype(jnp.int32) * levels // 256


def from_levels(values: Any, levels: int) -> Any:
    """Levels as gray in [0, 1]."""
    return values / (levels - 1)


def centered(values: Array, levels: int) -> Array:
    """Levels as float32 in [-1, 1]."""
    return values.astype(jnp.float32) * (2 / (levels - 1)) - 1


def pixel_nll(out: Array, values: Array, *, levels: int, mixtures: int = 0) -> Array:
    """-log p of every image in nats: `out (B, H, W, colors, F)`, `values (B, H, W, colors)`.

    F is `levels` (a softmax), or three a part of `mixtures` logistics. Returns: `(B,)`.
    """
    if mixtures:
        each = discretized_logistic_nll(out, values, levels=levels)
    else:
        each = softmax_cross_entropy(out, values)
    return jnp.sum(each.reshape(len(each), -1), axis=1)


def image_nll(model: Any, variables: Tree, batch: Batch) -> Array:
    """`pixel_nll` of a batch's `values` under `model`, by their `label` where it has classes."""
    label = batch["label"] if model.classes else None
    out = model.apply(variables, batch["values"], label, train=True)
    return pixel_nll(out, batch["values"], levels=model.levels, mixtures=model.mixtures)


def draw_values(
    key: Key, out: Array, *, levels: int, mixtures: int = 0, temperature: float = 1.0
) -> Array:
    """Levels drawn from `out (..., F)`: `(...)` int32."""
    if mixtures:
        return draw_logistic(key, out, levels=levels)
    return jax.random.categorical(key, out / temperature).astype(jnp.int32)


def sample_pixels(
    model: Any,
    variables: Tree,
    key: Key,
    shape: tuple[int, int, int, int],
    *,
    label: Array | None = None,
    temperature: float = 1.0,
) -> Array:
    """Images drawn pixel by pixel, `(B, H, W, colors)` int32 levels, each layer remembered.

    The work is that of one call on whole images (times the number of colors), not of one per pixel.
    The draw of color c of pixel (i, j) has the key fold_in(fold_in(fold_in(key, i), j), c).
    """
    batch, height, width, colors = shape
    options = {"levels": model.levels, "mixtures": model.mixtures, "temperature": temperature}

    def apply(*args: Any, method: str) -> Any:
        return model.apply(variables, *args, method=method)

    def column(key: Key, cells: Tree, item: Any) -> Any:
        number, context = item
        values = jnp.zeros((batch, colors), jnp.int32)
        inputs: Any = None
        for c in range(colors):
            x = apply(values, method="encode")
            out, inputs = apply(x, cells, context, label, method="pixel")
            own = jax.random.fold_in(jax.random.fold_in(key, number), c)
            values = values.at[:, c].set(draw_values(own, out[:, c], **options))
        inputs = {**inputs, "first": apply(values, method="encode")}
        cells = {
            k: jnp.concatenate([old, inputs[k][:, None]], 1)[:, 1:] for k, old in cells.items()
        }
        return cells, (values, inputs)

    def row(rows: Tree, number: Array) -> Any:
        context, rows = apply(rows, label, method="begin_row")
        context = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), context)
        own = jax.random.fold_in(key, number)
        cells = apply(batch, width, method="start")[1]
        _, (values, inputs) = jax.lax.scan(
            lambda carry, item: column(own, carry, item), cells, (jnp.arange(width), context)
        )
        seen = {k: jnp.moveaxis(v, 0, 1)[:, None] for k, v in inputs.items() if k in rows}
        pushed = {k: jnp.concatenate([rows[k], v], 1)[:, 1:] for k, v in seen.items()}
        return {**rows, **pushed}, values

    rows = apply(batch, width, method="start")[0]
    _, values = jax.lax.scan(row, rows, jnp.arange(height))
    return values.transpose(2, 0, 1, 3)  # (H, W, B, C)
