"""Where the frames of a clip meet: nowhere, at the end, at once, or layer by layer.

Karpathy et al. 2014, "Large-scale Video Classification with Convolutional Neural Networks". With
the default widths these are the small nets that are taught with it.
"""

import flax.linen as nn

from jaxdl.checks import check_one_of, check_rank
from jaxdl.layers.dense import Dense
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.stages import Stages
from jaxdl.typing import Array, ModuleDef
from jaxdl.video.models.averaged import averaged
from jaxdl.video.models.conv_stack import ConvStack, frames_as_channels, frames_as_images, last
from jaxdl.video.models.non_local import NonLocal


class ClipNet(nn.Module):
    """What the nets of this family share; `(B, T, H, W, C)` -> logits `(B, num_classes)`."""

    num_classes: int
    features: tuple[int, ...] = (12, 24)  # of each convolution
    pools: tuple[int, ...] = (4, 1)  # the window after each convolution; 1 is none
    norm: ModuleDef = BatchNorm

    @nn.nowrap
    def stack(self) -> ConvStack:
        """The convolutions."""
        return ConvStack(self.features, self.pools, self.norm, name="stack")


class SingleFrame(ClipNet):
    """A 2-D network sees every frame alone; the frames' probabilities are averaged.

    In training every frame is an example of its own: logits `(B, T, num_classes)`.
    """

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SingleFrame: x", x, 5)
        out = self.stack()(frames_as_images(x), train=train)
        features = out["pooled"] = last(out).mean((1, 2))
        logits = Dense(self.num_classes, name="head")(features)
        logits = logits.reshape(*x.shape[:2], self.num_classes)
        out["logits"] = logits if train else averaged(logits)
        return out if stages else out["logits"]


class LateFusion(ClipNet):
    """A 2-D network sees every frame; one classifier sees what it finds in all of them.

    `fusion` concatenate: all features of all frames, side by side, go through a hidden layer; mean:
    their mean over time and place goes to the last layer, so that the order of the frames is lost.
    """

    fusion: str = "concatenate"  # concatenate or mean
    hidden: int = 128  # of concatenated features: width of the layer that joins them

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("LateFusion: x", x, 5)
        check_one_of("LateFusion: fusion", self.fusion, ("concatenate", "mean"))
        out = self.stack()(frames_as_images(x), train=train)
        y = last(out).reshape(*x.shape[:2], *last(out).shape[1:])  # (B, T, H', W', D)
        if self.fusion == "mean":
            y = out["pooled"] = y.mean((1, 2, 3))
        else:
            y = nn.relu(Dense(self.hidden, name="join")(y.reshape(len(x), -1)))
            out["joined"] = y
        out["logits"] = Dense(self.num_classes, name="head")(y)
        return out if stages else out["logits"]


class EarlyFusion(ClipNet):
    """The first 2-D convolution sees all frames as channels; after it there is no time."""

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("EarlyFusion: x", x, 5)
        out = self.stack()(frames_as_channels(x), train=train)
        pooled = out["pooled"] = last(out).mean((1, 2))
        out["logits"] = Dense(self.num_classes, name="head")(pooled)
        return out if stages else out["logits"]


class SlowFusion(ClipNet):
    """A 3-D network: convolutions and pools over time and place.

    With `non_local` a block in which every place looks at all others stands before the mean.
    """

    non_local: bool = False  # a non-local block after the last layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool, stages: bool = False) -> Array | Stages:
        check_rank("SlowFusion: x", x, 5)
        out = self.stack()(x, train=train)
        if self.non_local:
            out["non_local"] = NonLocal(name="non_local")(last(out))
        pooled = out["pooled"] = last(out).mean((1, 2, 3))
        out["logits"] = Dense(self.num_classes, name="head")(pooled)
        return out if stages else out["logits"]
