"""Multilayer perceptron."""

import flax.linen as nn

from jaxdl.models.registry import register
from jaxdl.models.stages import Stages
from jaxdl.ops.activation import activation
from jaxdl.typing import Array


@register("mlp")
class MLP(nn.Module):
    """(linear - act - [dropout]) for every hidden width, then a linear layer; input is flattened.

    `(B, ...)` -> logits `(B, num_classes)`. Hidden kernels start from Kaiming's normal, the last
    from LeCun's (variance 1 / fan_in), biases from zero.
    """

    num_classes: int
    hidden: tuple[int, ...] = (256,)  # widths of the hidden layers
    dropout: float = 0.0  # chance that a hidden value is dropped in training
    act: str = "relu"  # relu, sigmoid, tanh or gelu

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        act = activation(self.act)
        out: Stages = {}
        x = x.reshape(x.shape[0], -1)
        for i, width in enumerate(self.hidden, 1):
            x = nn.Dense(width, kernel_init=nn.initializers.he_normal(), name=f"dense{i}")(x)
            x = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(act(x))
            out[f"hidden{i}"] = x
        if self.num_classes:
            x = out["logits"] = nn.Dense(self.num_classes, name="head")(x)
        return out if stages else x
