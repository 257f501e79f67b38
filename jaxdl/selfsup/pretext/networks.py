"""A backbone under the head of a pretext task."""

from typing import Any

import flax.linen as nn

from jaxdl.layers.conv import Conv
from jaxdl.layers.conv_norm import ConvNorm
from jaxdl.layers.dense import Dense
from jaxdl.layers.patches import from_patches
from jaxdl.typing import Array


class LabelHead(nn.Module):
    """A linear layer on all places of a map: `(B, h, w, D)` -> `(B, classes)`."""

    classes: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        return Dense(self.classes, name="out")(x.reshape(len(x), -1))


class PixelHead(nn.Module):
    """3x3 convolution - norm - ReLU - linear: `(B, h, w, D)` -> `(B, patch h, patch w, channels)`.

    Each place of the map gives a square of `patch` pixels per side.
    """

    patch: int
    channels: int
    hidden: int = 64

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = ConvNorm(self.hidden, name="block")(x, train=train)
        x = Conv(self.patch**2 * self.channels, 1, name="out")(x)
        return from_patches(x, self.patch)


class PretextNet(nn.Module):
    """`backbone` - `head` on its `stage`: what the task asks for. `features` is the backbone."""

    backbone: nn.Module
    head: nn.Module
    stage: str = "stage3"

    def __call__(self, batch: dict[str, Array], *, train: bool) -> Any:
        backbone, head = self.backbone, self.head
        stages: Any = backbone(batch["image"], train=train, stages=True)  # pyright: ignore
        return head(stages[self.stage], train=train)  # pyright: ignore

    def features(self, x: Array, *, train: bool) -> Any:
        """The backbone's pooled features of images: `(B, D)`."""
        return self.backbone(x, train=train)  # pyright: ignore
