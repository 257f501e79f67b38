"""PixelCNN and its gated form: pixels in raster order, by masked convolutions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.generative.autoregressive.masked_conv import CausalConv
from jaxdl.generative.autoregressive.sampling import centered
from jaxdl.ops.conv import conv
from jaxdl.typing import Array

Context = dict[str, Array]
CallConv = Callable[[str, CausalConv, Array], Array]


class PixelModel(nn.Module):
    """What the models of pixels have in common; see `pixels.py` for the methods of sampling.

    `(B, H, W, colors)` integers in [0, levels) -> `(B, H, W, colors, F)`, F `levels`, or three
    times `mixtures`. With `one_hot` a level is a unit vector, not a number (codes). With `classes`
    the model is given labels `(B,)`.
    """

    levels: int = 256
    features: int = 32
    depth: int = 5
    kernel_size: int = 3
    first_kernel_size: int = 7
    colors: int = 1
    mixtures: int = 0
    classes: int = 0
    one_hot: bool = False

    @property
    def inputs(self) -> int:
        """Channels of an encoded image."""
        return self.colors * (self.levels if self.one_hot else 1)

    @property
    def outputs(self) -> int:
        """Numbers that the last layer gives for a pixel."""
        return self.colors * (3 * self.mixtures or self.levels)

    def encode(self, values: Array) -> Array:
        """Levels `(..., colors)` -> what the first layer sees `(..., inputs)`."""
        if not self.one_hot:
            return centered(values, self.levels)
        hot = jax.nn.one_hot(values, self.levels, dtype=jnp.float32)
        return hot.reshape(*values.shape[:-1], self.inputs)

    def __call__(self, values: Array, label: Array | None = None, *, train: bool) -> Array:
        check_rank(f"{type(self).__name__}: values", values, 4)
        return self.network(self.encode(values), label)

    def network(self, x: Array, label: Array | None = None) -> Array:
        """From an encoded image `(B, H, W, inputs)`."""
        raise NotImplementedError

    def by_color(self, out: Array) -> Array:
        """`(..., outputs)` -> `(..., colors, F)`."""
        return out.reshape(*out.shape[:-1], self.colors, -1)

    def hot_label(self, label: Array | None) -> Array | None:
        """One-hot labels `(B, classes)`, None for a model without classes."""
        if not self.classes:
            return None
        if label is None and self.is_initializing():
            return jnp.zeros((1, self.classes), jnp.float32)
        if label is None:
            raise ValueError(f"{type(self).__name__}: classes = {self.classes} needs labels")
        return jax.nn.one_hot(label, self.classes, dtype=jnp.float32)

    def convolutions(self) -> dict[str, CausalConv]:
        """The layers that see other pixels of the same row, by name."""
        raise NotImplementedError

    def empty_cells(self, batch: int) -> Context:
        """The memory of each layer of `convolutions`, `(B, size // 2, C)` zeros."""
        layers = self.convolutions()
        return {
            k: jnp.zeros((batch, m.size // 2, m.channels), jnp.float32) for k, m in layers.items()
        }


def cached_conv(cells: Context, context: Context, inputs: Context) -> CallConv:
    """A call of a layer on one pixel `(B, 1, 1, C)`, from memory; notes what it was given."""

    def call(name: str, layer: CausalConv, x: Array) -> Array:
        inputs[name] = x[:, 0, 0]
        y = layer.left(jnp.concatenate([cells[name][:, None], x], axis=2))
        return y + context[name][:, None, None] if name in context else y

    return call


def plain_conv(name: str, layer: CausalConv, x: Array) -> Array:
    """A call of a layer on whole images."""
    return layer(x)


class PixelCNN(PixelModel):
    """Masked convolutions in residual blocks (van den Oord et al. 2016, arXiv 1601.06759, fig. 5).

    first_kernel_size A to 2h - depth times [ReLU, 1x1 to h, ReLU, kernel_size B, ReLU, 1x1 to 2h,
    added] - ReLU,
    1x1, ReLU, 1x1. Its reach has the blind spot that the gated form removes. A class is added to
    the first layer's output.
    """

    def setup(self) -> None:
        h, layer = self.features, partial(CausalConv, colors=self.colors)
        self.first = layer(self.inputs, 2 * h, self.first_kernel_size, "A")
        blocks = range(self.depth)
        self.down = [layer(2 * h, h, 1) for _ in blocks]
        self.middle = [layer(h, h, self.kernel_size) for _ in blocks]
        self.up = [layer(h, 2 * h, 1) for _ in blocks]
        self.last = layer(2 * h, 2 * h, 1)
        self.out = layer(2 * h, self.outputs, 1)
        if self.classes:
            self.label = nn.Dense(2 * h, use_bias=False)

    def run(self, x: Array, label: Array | None, call: CallConv) -> Array:
        """The network, its convolutions called by `call`."""
        x = call("first", self.first, x)
        hot = self.hot_label(label)
        if hot is not None:
            x = x + self.label(hot)[:, None, None]
        for i in range(self.depth):
            y = self.down[i](nn.relu(x))
            y = call(f"middle{i}", self.middle[i], nn.relu(y))
            x = x + self.up[i](nn.relu(y))
        return self.by_color(self.out(nn.relu(self.last(nn.relu(x)))))

    def network(self, x: Array, label: Array | None = None) -> Array:
        """See `PixelModel`."""
        return self.run(x, label, plain_conv)

    def convolutions(self) -> dict[str, CausalConv]:
        """See `PixelModel`."""
        return {"first": self.first} | {f"middle{i}": m for i, m in enumerate(self.middle)}

    def start(self, batch: int, width: int) -> tuple[Context, Context]:
        """See `pixels.py`."""
        layers = self.convolutions()
        rows = {
            k: jnp.zeros((batch, m.size // 2, width, m.channels), jnp.float32)
            for k, m in layers.items()
        }
        return rows, self.empty_cells(batch)

    def begin_row(self, rows: Context, label: Array | None) -> tuple[Context, Context]:
        """See `pixels.py`."""
        layers = self.convolutions()
        return {k: m.above(rows[k])[:, 0] for k, m in layers.items() if m.sees_rows}, rows

    def pixel(
        self, x: Array, cells: Context, context: Context, label: Array | None
    ) -> tuple[Array, Context]:
        """See `pixels.py`."""
        inputs: Context = {}
        out = self.run(x[:, None, None], label, cached_conv(cells, context, inputs))
        return out[:, 0, 0], inputs


class RowsConv(nn.Module):
    """A convolution over rows above and, but for the first layer, its own: the vertical stack.

    Given `(B, n + taps - 1, W, C)` -> `(B, n, W, F)`, `taps` rows and `size` columns of kernel.
    """

    channels: int
    features: int
    taps: int
    size: int

    def setup(self) -> None:
        shape = (self.taps, self.size, self.channels, self.features)
        init = nn.initializers.normal((self.channels * self.taps * self.size) ** -0.5)
        self.kernel = self.param("kernel", init, shape, jnp.float32)
        self.bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)

    def __call__(self, rows: Array) -> Array:
        y = conv(rows, self.kernel, padding=(0, self.size // 2))
        return y + self.bias[None, None, None]


def gate(x: Array) -> Array:
    """tanh(a) sigmoid(b) of the halves of the channels."""
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) * jax.nn.sigmoid(b)


class GatedPixelCNN(PixelModel):
    """Two stacks with gates (van den Oord et al. 2016, arXiv 1606.05328, section 2 and fig. 2).

    The vertical one sees all rows above, the horizontal one what is left of a pixel and the
    vertical one: no blind spot. Layer: tanh(a) sigmoid(b), a and b given the class, too; the
    horizontal stack is residual. `depth` layers, the first of `first_kernel_size` and kind A.
    """

    def setup(self) -> None:
        h, depth = self.features, range(self.depth)
        given = [self.inputs] + [h] * (self.depth - 1)
        sizes = [self.first_kernel_size] + [self.kernel_size] * (self.depth - 1)
        layer = partial(CausalConv, colors=self.colors)
        # The first sees rows above only; the others their own row too, which has seen no more.
        self.vertical = [
            RowsConv(given[i], 2 * h, sizes[i] // 2 + (i > 0), sizes[i]) for i in depth
        ]
        self.link = [nn.Dense(2 * h) for _ in depth]
        self.horizontal = [
            layer(given[i], 2 * h, sizes[i], "B" if i else "A", parts=2, rows=False) for i in depth
        ]
        self.mix = [layer(h, h, 1) for _ in depth]
        self.last = layer(h, 2 * h, 1)
        self.out = layer(2 * h, self.outputs, 1)
        if self.classes:
            self.label_v = [nn.Dense(2 * h, use_bias=False) for _ in depth]
            self.label_h = [nn.Dense(2 * h, use_bias=False) for _ in depth]

    def above(
        self, x: Array, label: Array | None, padded: Callable[[int, Array], Array]
    ) -> Context:
        """The vertical stack: what each layer gives to the horizontal one, `(B, n, W, 2 h)`."""
        hot, links = self.hot_label(label), {}
        for i in range(self.depth):
            x = self.vertical[i](padded(i, x))
            links[f"link{i}"] = self.link[i](x)
            if hot is not None:
                x = x + self.label_v[i](hot)[:, None, None]
            x = gate(x)
        return links

    def beside(self, x: Array, links: Context, label: Array | None, call: CallConv) -> Array:
        """The horizontal stack and the output."""
        hot = self.hot_label(label)
        for i in range(self.depth):
            name = "first" if i == 0 else f"horizontal{i}"
            y = call(name, self.horizontal[i], x) + links[f"link{i}"]
            if hot is not None:
                y = y + self.label_h[i](hot)[:, None, None]
            y = self.mix[i](gate(y))
            x = x + y if i else y
        return self.by_color(self.out(nn.relu(self.last(nn.relu(x)))))

    def network(self, x: Array, label: Array | None = None) -> Array:
        """See `PixelModel`."""

        def padded(i: int, x: Array) -> Array:
            x = x if i else x[:, :-1]  # the first layer's row is the one before
            taps = self.vertical[i].taps
            return jnp.pad(x, [(0, 0), (taps - (i > 0), 0), (0, 0), (0, 0)])

        return self.beside(x, self.above(x, label, padded), label, plain_conv)

    def convolutions(self) -> dict[str, CausalConv]:
        """See `PixelModel`."""
        names = ["first"] + [f"horizontal{i}" for i in range(1, self.depth)]
        return dict(zip(names, self.horizontal, strict=True))

    def start(self, batch: int, width: int) -> tuple[Context, Context]:
        """See `pixels.py`."""
        rows = {
            "first": jnp.zeros(
                (batch, self.first_kernel_size // 2, width, self.inputs), jnp.float32
            )
        }
        for i in range(1, self.depth):
            layer = self.vertical[i]
            rows[f"vertical{i}"] = jnp.zeros(
                (batch, layer.taps - 1, width, layer.channels), jnp.float32
            )
        return rows, self.empty_cells(batch)

    def begin_row(self, rows: Context, label: Array | None) -> tuple[Context, Context]:
        """See `pixels.py`."""
        new = dict(rows)

        def padded(i: int, x: Array) -> Array:
            if i == 0:
                return rows["first"]
            seen = jnp.concatenate([rows[f"vertical{i}"], x], axis=1)
            new[f"vertical{i}"] = seen[:, 1:]
            return seen

        links = self.above(rows["first"], label, padded)
        return {k: v[:, 0] for k, v in links.items()}, new

    def pixel(
        self, x: Array, cells: Context, context: Context, label: Array | None
    ) -> tuple[Array, Context]:
        """See `pixels.py`."""
        inputs: Context = {}
        links: Any = {k: v[:, None, None] for k, v in context.items()}
        out = self.beside(x[:, None, None], links, label, cached_conv(cells, {}, inputs))
        return out[:, 0, 0], inputs
