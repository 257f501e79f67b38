"""PixelRNN with row LSTMs: pixels in raster order, the state carried from row to row."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.generative.autoregressive.masked_conv import CausalConv
from jaxdl.generative.autoregressive.pixelcnn import (
    CallConv,
    Context,
    PixelModel,
    cached_conv,
    plain_conv,
)
from jaxdl.ops.conv import conv
from jaxdl.typing import Array


class RowLSTM(PixelModel):
    """Row LSTM layers (van den Oord et al. 2016, arXiv 1601.06759, section 3.1).

    first_kernel_size A to h - depth times [LSTM over rows, 1x1, added] - ReLU, 1x1, ReLU, 1x1.
    Gates of a row: a masked 1-D convolution of its input (`kernel_size`, B) and one of the state of
    the row above; the reach is a triangle. Gates are packed i, f, o, g. With more than one color
    the state, which is that of the row above, is seen by all.
    """

    def setup(self) -> None:
        h, layer = self.features, partial(CausalConv, colors=self.colors)
        self.first = layer(self.inputs, h, self.first_kernel_size, "A")
        blocks = range(self.depth)
        self.gates = [layer(h, 4 * h, self.kernel_size, parts=4, rows=False) for _ in blocks]
        init = nn.initializers.orthogonal()
        shape = (1, self.kernel_size, h, 4 * h)
        self.recurrent = [self.param(f"recurrent{i}", init, shape, jnp.float32) for i in blocks]
        self.up = [layer(h, h, 1) for _ in blocks]
        self.last = layer(h, 2 * h, 1)
        self.out = layer(2 * h, self.outputs, 1)
        if self.classes:
            self.label = nn.Dense(h, use_bias=False)

    def from_above(self, i: int, h: Array) -> Array:
        """What the state of a row gives to the gates of the next: `(B, W, h)` -> `(B, W, 4 h)`."""
        return conv(h[:, None], self.recurrent[i], padding=(0, self.kernel_size // 2))[:, 0]

    def scan_rows(self, i: int, gates: Array) -> Array:
        """The LSTM over rows: `(B, H, W, 4 h)` -> `(B, H, W, h)`."""

        def row(state: tuple[Array, Array], gates: Array) -> tuple[tuple[Array, Array], Array]:
            state = lstm(gates + self.from_above(i, state[0]), state[1])
            return state, state[0]

        zero = jnp.zeros((len(gates), gates.shape[2], self.features), jnp.float32)
        _, out = jax.lax.scan(row, (zero, zero), jnp.moveaxis(gates, 1, 0))
        return jnp.moveaxis(out, 0, 1)

    def begin(self, x: Array, label: Array | None, call: CallConv) -> Array:
        """The first layer, given the class."""
        x = call("first", self.first, x)
        hot = self.hot_label(label)
        return x if hot is None else x + self.label(hot)[:, None, None]

    def finish(self, x: Array) -> Array:
        """The last two layers."""
        return self.by_color(self.out(nn.relu(self.last(nn.relu(x)))))

    def network(self, x: Array, label: Array | None = None) -> Array:
        """See `PixelModel`."""
        x = self.begin(x, label, plain_conv)
        for i in range(self.depth):
            x = x + self.up[i](self.scan_rows(i, self.gates[i](x)))
        return self.finish(x)

    def convolutions(self) -> dict[str, CausalConv]:
        """See `PixelModel`."""
        return {"first": self.first} | {f"gates{i}": m for i, m in enumerate(self.gates)}

    def start(self, batch: int, width: int) -> tuple[Context, Context]:
        """See `pixels.py`."""
        reach = self.first_kernel_size // 2
        rows = {"first": jnp.zeros((batch, reach, width, self.inputs), jnp.float32)}
        for i in range(self.depth):
            rows[f"h{i}"] = rows[f"c{i}"] = jnp.zeros((batch, 1, width, self.features), jnp.float32)
        return rows, self.empty_cells(batch)

    def begin_row(self, rows: Context, label: Array | None) -> tuple[Context, Context]:
        """See `pixels.py`."""
        context = {"first": self.first.above(rows["first"])[:, 0]}
        for i in range(self.depth):
            context[f"gates{i}"] = self.from_above(i, rows[f"h{i}"][:, 0])
            context[f"c{i}"] = rows[f"c{i}"][:, 0]
        return context, rows

    def pixel(
        self, x: Array, cells: Context, context: Context, label: Array | None
    ) -> tuple[Array, Context]:
        """See `pixels.py`."""
        inputs: Context = {}
        call = cached_conv(cells, context, inputs)
        x = self.begin(x[:, None, None], label, call)
        for i in range(self.depth):
            gates = call(f"gates{i}", self.gates[i], x)[:, 0, 0]
            h, c = lstm(gates, context[f"c{i}"])
            inputs |= {f"h{i}": h, f"c{i}": c}
            x = x + self.up[i](h[:, None, None])
        return self.finish(x)[:, 0, 0], inputs


def lstm(gates: Array, c: Array) -> tuple[Array, Array]:
    """c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'): `(..., 4 h)` -> h', c'."""
    i, f, o, g = jnp.split(gates, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c
