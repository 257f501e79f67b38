"""LeNet-5 (LeCun et al. 1998) in the form that Caffe made common."""

import flax.linen as nn

from jaxdl.checks import check_rank
from jaxdl.layers.conv import Conv
from jaxdl.layers.pool import MaxPool
from jaxdl.models.registry import register
from jaxdl.typing import Array


@register("lenet")
class LeNet(nn.Module):
    """conv(5, p2) - ReLU - pool - conv(5, p2) - ReLU - pool - linear - ReLU - linear.

    `(B, H, W, C)`, H and W at least 4, -> logits `(B, num_classes)`; 28x28 flattens to 2450 values
    at the default widths. Kernels start from Kaiming's normal, the last from LeCun's, biases from
    zero.
    """

    num_classes: int
    conv1: int = 20  # filters of the first convolution
    conv2: int = 50  # filters of the second convolution
    hidden: int = 500  # width of the hidden linear layer

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        check_rank("LeNet: x", x, 4)
        for i, features in enumerate((self.conv1, self.conv2), 1):
            x = nn.relu(Conv(features, 5, padding=2, name=f"conv{i}")(x))
            x = MaxPool(2, name=f"pool{i}")(x)
        x = x.reshape(x.shape[0], -1)
        x = nn.relu(nn.Dense(self.hidden, kernel_init=nn.initializers.he_normal(), name="fc1")(x))
        return nn.Dense(self.num_classes, name="fc2")(x)
