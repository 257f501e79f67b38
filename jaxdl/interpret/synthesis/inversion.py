"""Which picture has these features? What a stage has kept of what it saw, and what it lost."""

import numpy as np
from flax import struct

from jaxdl.interpret.network import Network, stages_at
from jaxdl.losses.style import feature_error, total_variation
from jaxdl.typing import Array, Host


class Inversion(struct.PyTreeNode):
    """|F - P|^2 / |P|^2 + tv TV(x) / (H W C) of pictures `(B, H, W, C)` -> `(B,)`.

    Mahendran, Vedaldi 2015, arXiv 1412.0035, eq. 1, with the total variation of exponent 2 as its
    regularizer; F are the features of x at `stage`, P those that are given.
    """

    network: Network
    features: Array
    tv: float
    stage: str = struct.field(pytree_node=False)

    def __call__(self, images: Array) -> Array:
        error = feature_error(self.network(images)[self.stage], self.features)
        size = np.prod(images.shape[1:])
        return error + self.tv * total_variation(images) / size


def inversion_of(network: Network, images: Array, stage: str, *, tv: float = 0.02) -> Inversion:
    """The objective whose minima look to `stage` as `images` do. `descend` finds one from noise.

    Raises UsageError for a stage that is not there.
    """
    features = stages_at(network, images, (stage,))[stage]
    return Inversion(network, features, tv, stage)


def pixel_error(pictures: Host, truth: Host) -> Host:
    """Root mean square of the differences of pixels, `(B, H, W, C)` in [0, 1] -> `(B,)`."""
    return np.sqrt(np.mean(np.square(np.asarray(pictures) - truth), axis=(1, 2, 3)))
