"""C3D, a VGG of 3x3x3 convolutions."""

import flax.linen as nn

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.dense import Dense
from jaxdl.layers.pool import MaxPool
from jaxdl.models.stages import Stages
from jaxdl.typing import Array


class C3D(nn.Module):
    """Eight convolutions, five pools, two hidden layers (Tran et al. 2015, arXiv 1412.0767).

    `(B, T, H, W, C)` -> logits `(B, num_classes)`; made for clips of 16 x 112 x 112. The first pool
    leaves time alone. What overhangs at the end of a pool is kept, as in the authors' Caffe: the
    last map is 1 x 4 x 4.
    """

    num_classes: int
    stages: tuple[int, ...] = (1, 1, 2, 2, 2)  # convolutions before each pool
    features: tuple[int, ...] = (64, 128, 256, 512, 512)  # of them
    hidden: tuple[int, ...] = (4096, 4096)  # widths of the hidden layers
    dropout: float = 0.5  # chance that one of their values drops

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("C3D: x", x, 5)
        out: Stages = {}
        for stage, (count, features) in enumerate(zip(self.stages, self.features, strict=True), 1):
            for i in range(1, count + 1):
                name = f"conv{stage}_{i}"
                x = out[name] = nn.relu(Conv(features, 3, padding=1, name=name)(x))
            window = (1, 2, 2) if stage == 1 else (2, 2, 2)
            x = out[f"pool{stage}"] = MaxPool(window, ceil_mode=True, name=f"pool{stage}")(x)
        x = x.reshape(len(x), -1)
        for i, width in enumerate(self.hidden, len(self.stages) + 1):
            x = out[f"fc{i}"] = nn.relu(Dense(width, name=f"fc{i}")(x))
            x = nn.Dropout(self.dropout, deterministic=not train, name=f"drop{i}")(x)
        out["logits"] = Dense(self.num_classes, name="head")(x)
        return out if stages else out["logits"]
