"""Multilayer perceptron."""

from typing import Any

import flax.linen as nn

from jaxdl.layers.activation import activation_layer, width_before
from jaxdl.layers.drop import DropConnect
from jaxdl.layers.initializers import initializer
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.models.register import register
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


@register("mlp")
class MLP(nn.Module):
    """(linear - [norm] - act - [dropout]) for every hidden width, then a linear layer.

    The input is flattened.

    `(B, ...)` -> logits `(B, num_classes)`. With no hidden width it is a linear classifier. Unless
    `weight_init` names another start, hidden kernels start from Kaiming's normal, the last from
    LeCun's (variance 1 / fan_in); biases start from zero, those of hidden layers from `bias_init`.
    """

    num_classes: int
    hidden: tuple[int, ...] = (256,)  # widths of the hidden layers
    dropout: tuple[float, ...] = (
        0.0,
    )  # chance that a hidden value drops: of all, or layer by layer
    drop_connect: float = 0.0  # chance that a hidden layer's weight drops
    act: str = "relu"  # relu, sigmoid, tanh, elu, selu, gelu, prelu, maxout, ...
    norm: str = ""  # before each activation: batch, batch_sync, layer, group, rms (default: none)
    weight_init: str = ""  # of every kernel: zeros, normal (0.01), lecun, xavier or kaiming
    bias_init: float = 0.0  # a small positive one keeps ReLUs alive at the start

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        act = activation_layer(self.act)
        hidden_init = initializer(self.weight_init or "kaiming")
        bias_init = nn.initializers.constant(self.bias_init)
        out: Stages = {}
        x = x.reshape(x.shape[0], -1)
        for i, (width, rate) in enumerate(zip(self.hidden, self._rates(), strict=True), 1):
            width = width_before(self.act, width)
            starts = {"kernel_init": hidden_init, "bias_init": bias_init}
            x = self._linear(width, train, **starts, name=f"dense{i}")(x)
            if self.norm:
                x = norm_layer(self.norm)(train=train, name=f"norm{i}")(x)
            x = nn.Dropout(rate, deterministic=not train, name=f"drop{i}")(act(x))
            out[f"hidden{i}"] = x
        if self.num_classes:
            head_init = initializer(self.weight_init or "lecun")
            x = out["logits"] = nn.Dense(self.num_classes, kernel_init=head_init, name="head")(x)
        return out if stages else x

    @nn.nowrap
    def _linear(self, width: int, train: bool, **options: Any) -> nn.Module:
        """A hidden linear layer."""
        if self.drop_connect:
            return DropConnect(width, self.drop_connect, deterministic=not train, **options)
        return nn.Dense(width, **options)

    def _rates(self) -> tuple[float, ...]:
        """The chance of each hidden layer."""
        if len(self.dropout) not in (1, len(self.hidden)):
            raise ValueError(
                f"MLP: dropout must have one chance, or one for each of {len(self.hidden)} hidden "
                f"layers, got {len(self.dropout)}"
            )
        return self.dropout * len(self.hidden) if len(self.dropout) == 1 else self.dropout
