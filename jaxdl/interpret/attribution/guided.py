"""Gradients that pass ReLUs by another rule: guided backpropagation and the deconvnet."""

from jaxdl.interpret.attribution.cam import enlarge, grad_cam
from jaxdl.interpret.network import Network, Target, gradient
from jaxdl.typing import Array


def guided_backprop(network: Network, images: Array, target: Target) -> Array:
    """The gradient without what is negative at any ReLU (Springenberg et al. 2015, 1412.6806).

    `(B, H, W, C)`. Raises UsageError for a network without ReLUs.
    """
    return gradient(network.replace(relu="guided"), images, target)


def deconvnet(network: Network, images: Array, target: Target) -> Array:
    """The same, but for where a ReLU's input was negative (Zeiler, Fergus 2014, 1311.2901)."""
    return gradient(network.replace(relu="deconvnet"), images, target)


def guided_grad_cam(
    network: Network, images: Array, target: Target, *, stage: str | None = None
) -> Array:
    """Guided backpropagation times the enlarged Grad-CAM (Selvaraju et al. 2017, 1610.02391).

    `(B, H, W, C)`.
    """
    _, height, width, _ = images.shape
    coarse = enlarge(grad_cam(network, images, target, stage=stage), (height, width))
    return guided_backprop(network, images, target) * coarse[..., None]
