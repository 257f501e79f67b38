"""A class for each pixel from the stages of a classifier."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn

from jaxdl.checks import UsageError, check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.ops.resize import resize
from jaxdl.typing import Array, ModuleDef


class StageDecoder(nn.Module):
    """Stages from the coarsest to the finest: 1x1 conv of each, added, 3x3 conv; then the classes.

    `(B, H, W, 3)` -> logits `(B, H, W, num_classes)`, enlarged from the finest of `stages`, whose
    maps must shrink in their order. A pyramid's way up (Lin et al. 2017, arXiv 1612.03144) with a
    network that takes pictures of any size (Long et al. 2015, arXiv 1411.4038).
    """

    backbone: nn.Module
    num_classes: int
    stages: Sequence[str]
    features: int = 64
    dropout: float = 0.1
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("StageDecoder: x", x, 4)
        size = (x.shape[1], x.shape[2])
        seen: Any = self.backbone(x, train=train, stages=True)
        missing = [name for name in self.stages if name not in seen]
        if missing:
            raise UsageError(f"head.stages: the model has {', '.join(seen)}, not {missing[0]}")
        above: Array | None = None
        for i, name in reversed(list(enumerate(self.stages, 1))):
            y = ConvNorm(self.features, 1, act=None, norm=self.norm, name=f"lateral{i}")(
                seen[name], train=train
            )
            if above is not None:
                y = y + resize(above, (y.shape[1], y.shape[2]))
            above = ConvNorm(self.features, 3, norm=self.norm, name=f"smooth{i}")(y, train=train)
        above = nn.Dropout(self.dropout, (1, 2), deterministic=not train, name="drop")(above)
        return resize(Conv(self.num_classes, 1, name="out")(above), size)
