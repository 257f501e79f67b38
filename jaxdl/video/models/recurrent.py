"""Frames read one after another: an LSTM over a 2-D network, and a recurrent 2-D network."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.pool import MaxPool
from jaxdl.layers.sequence.recurrent import Recurrent
from jaxdl.models.stages import Stages
from jaxdl.ops.conv import conv
from jaxdl.typing import Array, ModuleDef
from jaxdl.video.models.conv_stack import ConvStack, frames_as_images, last

GATES = {"rnn": 1, "gru": 3}


class CNNLSTM(nn.Module):
    """A 2-D network for each frame, an LSTM over what it finds (Donahue et al. 2015, 1411.4389).

    `(B, T, H, W, C)` -> logits `(B, num_classes)` of the last state. The network, submodule
    `stack`, may come from elsewhere and stay frozen. With a `window` it sees that many frames at
    once, as channels, so that the LSTM reads T - window + 1 local motions (the idea of Baccouche et
    al. 2011, whose local network is 3-D).
    """

    num_classes: int
    features: tuple[int, ...] = (16, 32, 64)  # of each convolution
    pools: tuple[int, ...] = (2, 2, 2)  # the window after each convolution
    hidden: int = 64  # width of a frame's vector and of the LSTM
    layers: int = 1  # of the LSTM
    window: int = 1  # frames that the network sees at once
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("CNNLSTM: x", x, 5)
        stack = ConvStack(self.features, self.pools, self.norm, name="stack")
        steps = x.shape[1] - self.window + 1
        if not 0 < self.window <= x.shape[1]:
            raise ValueError(
                f"CNNLSTM: window must be 1 to {x.shape[1]}, a clip's frames, got {self.window}"
            )
        x = jnp.concatenate([x[:, i : i + steps] for i in range(self.window)], axis=-1)
        out = stack(frames_as_images(x), train=train)
        y = last(out).reshape(*x.shape[:2], -1)  # flattened: places count
        y = out["frames"] = nn.relu(Dense(self.hidden, name="frame")(y))
        y, _ = Recurrent(self.hidden, layers=self.layers, name="lstm")(y, train=train)
        out["logits"] = Dense(self.num_classes, name="head")(y[:, -1])
        return out if stages else out["logits"]


class ConvRecurrent(nn.Module):
    """A recurrent layer whose states are maps (Ballas et al. 2016, arXiv 1511.06432).

    rnn: h = tanh(W * x + U * h). gru, with * a convolution: z, r = sigmoid(W * x + U * h),
    n = tanh(W_n * x + U_n * (r h)), h = (1 - z) h + z n (eq. 5 to 8). `(B, T, H, W, C)` -> the
    states `(B, T, H, W, features)`, from zero.
    """

    features: int
    cell: str = "gru"
    kernel_size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_rank("ConvRecurrent: x", x, 5)
        check_one_of("ConvRecurrent: cell", self.cell, GATES)
        size, width, gates = self.kernel_size, self.features, GATES[self.cell]
        init = nn.initializers.glorot_uniform()
        inputs = Conv(gates * width, size, padding=size // 2, kernel_init=init, name="input")
        zx = inputs(frames_as_images(x)).reshape(*x.shape[:4], gates * width)
        shape = (size, size, width, gates * width)
        kernel = self.param("kernel", init, shape, jnp.float32).astype(x.dtype)

        def step(h: Array, z: Array) -> tuple[Array, Array]:
            if self.cell == "rnn":
                h = jnp.tanh(z + conv(h, kernel, padding=size // 2))
                return h, h
            gate = jax.nn.sigmoid(
                z[..., : 2 * width] + conv(h, kernel[..., : 2 * width], padding=size // 2)
            )
            update, reset = jnp.split(gate, 2, axis=-1)
            new = conv(reset * h, kernel[..., 2 * width :], padding=size // 2)
            new = jnp.tanh(z[..., 2 * width :] + new)
            h = (1 - update) * h + update * new
            return h, h

        start = jnp.zeros((*zx.shape[:1], *zx.shape[2:4], width), x.dtype)
        states = jax.lax.scan(step, start, jnp.moveaxis(zx, 1, 0))[1]
        return jnp.moveaxis(states, 0, 1)


class RecurrentConvNet(nn.Module):
    """Layers of `ConvRecurrent`: a map depends on the one below now and on itself before.

    `(B, T, H, W, C)` -> logits `(B, num_classes)` of the last layer's last state.
    """

    num_classes: int
    features: tuple[int, ...] = (16, 32, 32)  # of each layer
    pools: tuple[int, ...] = (2, 2, 2)  # the window after each layer
    cell: str = "gru"  # gru or rnn

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("RecurrentConvNet: x", x, 5)
        out: Stages = {}
        for i, (features, pool) in enumerate(zip(self.features, self.pools, strict=True), 1):
            x = out[f"layer{i}"] = ConvRecurrent(features, self.cell, name=f"layer{i}")(x)
            x = MaxPool((1, pool, pool), name=f"pool{i}")(x)
        pooled = out["pooled"] = x[:, -1].mean((1, 2))
        out["logits"] = Dense(self.num_classes, name="head")(pooled)
        return out if stages else out["logits"]
