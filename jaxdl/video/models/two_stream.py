"""One network for what is seen, one for how it moves."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef
from jaxdl.video.models.averaged import averaged
from jaxdl.video.models.conv_stack import ConvStack, frames_as_channels, last


class TwoStream(nn.Module):
    """The mean of two networks' predictions (Simonyan & Zisserman 2014, arXiv 1406.2199).

    `(B, T, H, W, 5)`, colors and the flow (x, y) in pixels to the next frame, whose last frame is
    not looked at -> logits `(B, num_classes)`. The spatial stream sees the colors of the middle
    frame; the temporal stream all T - 1 flows, stacked as channels. In training each is a view of
    its own: logits `(B, 2, num_classes)`.
    """

    num_classes: int
    features: tuple[int, ...] = (16, 32, 64)  # of each convolution, in both streams
    pools: tuple[int, ...] = (2, 2, 2)  # the window after each convolution
    norm: ModuleDef = BatchNorm

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("TwoStream: x", x, 5)
        if x.shape[-1] != 5:
            raise ValueError(
                f"TwoStream: x must be (B, T, H, W, 5), three colors and two of flow, got {x.shape}"
            )
        streams = {
            "spatial": x[:, x.shape[1] // 2, ..., :3],
            "temporal": frames_as_channels(x[:, :-1, ..., 3:]),
        }
        out: Stages = {}
        logits = []
        for name, y in streams.items():
            stack = ConvStack(self.features, self.pools, self.norm, name=name)
            y = out[name] = last(stack(y, train=train)).mean((1, 2))
            logits.append(Dense(self.num_classes, name=f"{name}_head")(y))
        views = jnp.stack(logits, axis=1)
        out["logits"] = views if train else averaged(views)
        return out if stages else out["logits"]
