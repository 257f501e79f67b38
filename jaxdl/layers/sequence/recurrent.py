"""Recurrent cells and layers: plain RNN, LSTM, GRU.

The products of the inputs with all gates are one matrix product outside of the loop over time. A
state is a tuple of arrays, h first, each `(B, H)` of a cell and `(B, layers * directions, H)` of
`Recurrent`, so that its first axis is the batch.
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.ops.matmul import dense_matmul
from jaxdl.ops.rnn_scan import Point, State, advance, rnn_scan
from jaxdl.typing import Array, Key


def within_root(width: int) -> Callable[..., Array]:
    """U(-1, 1) / sqrt(width): torch's start of all weights and biases of a cell of that width."""

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        bound = 1 / math.sqrt(width)
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def rnn_point(state: State, zx: Array, zh: Array) -> State:
    """h = tanh(W_x x + W_h h + b)."""
    return (jnp.tanh(zx + zh),)


def lstm_point(state: State, zx: Array, zh: Array) -> State:
    """c = f c + i g, h = o tanh(c); gates packed i, f, o, g (Hochreiter & Schmidhuber 1997).

    i, f, o = sigmoid and g = tanh of their quarter of W_x x + W_h h + b.
    """
    ifo, g = jnp.split(zx + zh, [3 * state[0].shape[-1]], axis=-1)
    i, f, o = jnp.split(jax.nn.sigmoid(ifo), 3, axis=-1)
    c = f * state[1] + i * jnp.tanh(g)
    return o * jnp.tanh(c), c


def gru_point(state: State, zx: Array, zh: Array) -> State:
    """h = (1 - z) n + z h, n = tanh(x_n + r (h_n + d)); packed r, z, n (arXiv 1406.1078).

    As in torch, r scales the product W_h h + d, whose bias d is the fourth part of `zx`.
    """
    width = state[0].shape[-1]
    rz = jax.nn.sigmoid(zx[..., : 2 * width] + zh[..., : 2 * width])
    r, z = jnp.split(rz, 2, axis=-1)
    n, d = jnp.split(zx[..., 2 * width :], 2, axis=-1)
    n = jnp.tanh(n + r * (zh[..., 2 * width :] + d))
    return ((1 - z) * n + z * state[0],)


class Cell(nn.Module):
    """What the cells share. Parameters: `wx` `(D, G H)`, `wh` `(H, G H)`, `b` `(G H,)`.

    One step: `x (B, D)` -> (h `(B, H)`, state). A sequence: `x (B, T, D)` -> (h of every step
    `(B, T, H)`, last state); where `kept` `(B, T)` is False the state stays and h is 0 (padding);
    `reverse` reads from the end.
    """

    hidden: int

    gates: ClassVar[int] = 1  # G
    parts: ClassVar[int] = 1  # of the state
    point: ClassVar[Point]

    def zero_state(self, batch: int) -> State:
        """The state before the first input."""
        return (jnp.zeros((batch, self.hidden), jnp.float32),) * self.parts

    def bias_of(self, zx: Array) -> Array:
        """Further columns of `zx`, where `point` takes them."""
        return zx

    @nn.compact
    def __call__(
        self,
        x: Array,
        state: State | None = None,
        *,
        kept: Array | None = None,
        reverse: bool = False,
    ) -> tuple[Array, State]:
        check_rank(f"{type(self).__name__}: x", x, 2, 3)
        init, size = within_root(self.hidden), self.gates * self.hidden
        wx = self.param("wx", init, (x.shape[-1], size), jnp.float32).astype(x.dtype)
        wh = self.param("wh", init, (self.hidden, size), jnp.float32).astype(x.dtype)
        b = self.param("b", init, (size,), jnp.float32).astype(x.dtype)
        zx = self.bias_of(dense_matmul(x, wx) + b.reshape((1,) * (x.ndim - 1) + (-1,)))
        before: State = self.zero_state(len(x)) if state is None else state
        before = tuple(part.astype(x.dtype) for part in before)
        if x.ndim == 2:
            after = advance(type(self).point, wh, before, zx)
            return after[0], after
        if kept is not None and kept.shape != x.shape[:2]:
            raise ValueError(
                f"{type(self).__name__}: kept must be (B, T) = {x.shape[:2]}, got {kept.shape}"
            )
        mask = None if kept is None else kept.T
        run: Any = rnn_scan(type(self).point, reverse, wh, before, zx.swapaxes(0, 1), mask)
        y, after = run[0].swapaxes(0, 1), run[1]
        return (y if kept is None else jnp.where(kept[..., None], y, 0)), after


class RNNCell(Cell):
    """See `rnn_point`; state (h,)."""

    point: ClassVar[Point] = staticmethod(rnn_point)


class LSTMCell(Cell):
    """See `lstm_point`; state (h, c)."""

    gates: ClassVar[int] = 4
    parts: ClassVar[int] = 2
    point: ClassVar[Point] = staticmethod(lstm_point)


class GRUCell(Cell):
    """See `gru_point`; state (h,); one more parameter, `d` `(H,)`."""

    gates: ClassVar[int] = 3
    point: ClassVar[Point] = staticmethod(gru_point)

    def bias_of(self, zx: Array) -> Array:
        """`zx` and the bias of the product that r scales."""
        d = self.param("d", within_root(self.hidden), (self.hidden,), jnp.float32).astype(zx.dtype)
        return jnp.concatenate([zx, jnp.broadcast_to(d, (*zx.shape[:-1], self.hidden))], axis=-1)


CELLS: dict[str, type[Cell]] = {"rnn": RNNCell, "lstm": LSTMCell, "gru": GRUCell}


class Recurrent(nn.Module):
    """Layers of cells, each reading what the one below gives, `(B, T, D)` -> (y, last state).

    y is `(B, T, H)`, or `(B, T, 2 H)` if `bidirectional`: forward, then backward. Dropout acts
    between layers. Cells are named `layer0`, `layer0_back`, `layer1`, ...; in a state they stand in
    this order.
    """

    hidden: int
    cell: str = "lstm"  # rnn, lstm or gru
    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0

    def zero_state(self, batch: int) -> State:
        """The state before the first input: parts `(batch, layers * directions, H)`."""
        count = self.layers * (1 + self.bidirectional)
        return (jnp.zeros((batch, count, self.hidden), jnp.float32),) * CELLS[self.cell].parts

    @nn.compact
    def __call__(
        self, x: Array, state: State | None = None, *, kept: Array | None = None, train: bool
    ) -> tuple[Array, State]:
        check_one_of("Recurrent: cell", self.cell, CELLS)
        check_rank("Recurrent: x", x, 3)
        if state is None:
            state = tuple(part.astype(x.dtype) for part in self.zero_state(len(x)))
        last = []
        for layer in range(self.layers):
            if layer:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            outputs = []
            for back in range(1 + self.bidirectional):
                place = len(last)
                cell = CELLS[self.cell](self.hidden, name=f"layer{layer}" + "_back" * back)
                own = tuple(part[:, place] for part in state)
                y, own = cell(x, own, kept=kept, reverse=bool(back))
                outputs.append(y)
                last.append(own)
            x = jnp.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        return x, tuple(jnp.stack(parts, axis=1) for parts in zip(*last, strict=True))
