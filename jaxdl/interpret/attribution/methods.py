"""Every method by its name, with what it shows as one number per pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, unknown
from jaxdl.interpret.attribution.cam import cam, enlarge, grad_cam
from jaxdl.interpret.attribution.gradients import (
    gradient_x_input,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from jaxdl.interpret.attribution.guided import deconvnet, guided_backprop, guided_grad_cam
from jaxdl.interpret.attribution.occlusion import occlusion
from jaxdl.interpret.network import Network, Target
from jaxdl.typing import Array


@dataclass(frozen=True)
class MethodOptions:
    """What methods leave to choose; each belongs to those that it names."""

    stage: str = ""
    """Of gradcam, cam, guided_gradcam: the stage that is weighted (default: the last map)."""
    steps: int = 50
    """Of integrated_gradients: points between the baseline, the value 0, and the picture."""
    samples: int = 25
    """Of smoothgrad: noisy copies."""
    noise: float = 0.15
    """Of smoothgrad: deviation of the noise, in parts of the picture's range."""
    window: int = 0
    """Of occlusion: pixels to a side of what is covered (default: an eighth of the picture's)."""
    seed: int = 0
    """Of smoothgrad's noise."""


@dataclass(frozen=True)
class Method:
    """`attribute(network, images, target, options)` gives `(B, H, W, C)`, `(B, H, W)` or coarser.

    `signed`: what speaks against the target is negative; else only the size counts.
    """

    title: str
    attribute: Callable[[Network, Array, Target, MethodOptions], Array]
    signed: bool = False


def _smooth(network: Network, images: Array, target: Target, options: MethodOptions) -> Array:
    key = jax.random.key(options.seed)
    return smooth_grad(
        network, images, target, key=key, samples=options.samples, noise=options.noise
    )


def _occlude(network: Network, images: Array, target: Target, options: MethodOptions) -> Array:
    side = options.window or max(2, min(images.shape[1:3]) // 8)
    return occlusion(network, images, target, window=side, stride=max(1, side // 2))


def _staged(method: Any) -> Any:
    return lambda network, x, target, options: method(
        network, x, target, stage=options.stage or None
    )


METHODS = {
    "saliency": Method("gradient", lambda n, x, t, o: saliency(n, x, t)),
    "gradient_x_input": Method(
        "gradient x input", lambda n, x, t, o: gradient_x_input(n, x, t), signed=True
    ),
    "smoothgrad": Method("SmoothGrad", _smooth),
    "integrated_gradients": Method(
        "integrated gradients",
        lambda n, x, t, o: integrated_gradients(n, x, t, steps=o.steps),
        signed=True,
    ),
    "guided_backprop": Method(
        "guided\nbackpropagation", lambda n, x, t, o: guided_backprop(n, x, t)
    ),
    "deconvnet": Method("deconvnet", lambda n, x, t, o: deconvnet(n, x, t)),
    "guided_gradcam": Method("guided Grad-CAM", _staged(guided_grad_cam)),
    "gradcam": Method("Grad-CAM", _staged(grad_cam)),
    "cam": Method("CAM", _staged(cam), signed=True),
    "occlusion": Method("occlusion", _occlude, signed=True),
}


def find_method(name: str) -> Method:
    """Raises UsageError with near names."""
    if name not in METHODS:
        raise unknown("method", name, METHODS, f"All: {', '.join(METHODS)}.")
    return METHODS[name]


def pixel_map(method: Method, values: Array, size: tuple[int, int]) -> Array:
    """What a method gives as `(B, *size)`: channels summed, or the largest size of them, where no
    sign counts; coarse maps enlarged.
    """
    if values.ndim == 4:
        values = values.sum(-1) if method.signed else jnp.abs(values).max(-1)
    return values if values.shape[1:] == size else enlarge(values, size)


def explain(
    name: str,
    network: Network,
    images: Array,
    target: Target,
    options: MethodOptions = MethodOptions(),
) -> Array:
    """One number per pixel `(B, H, W)` by the method of that name; high is for the target."""
    if images.ndim != 4:
        raise UsageError(f"explain: images must be (B, H, W, C), got shape {images.shape}")
    method = find_method(name)
    values = method.attribute(network, images, target, options)
    return pixel_map(method, values, (images.shape[1], images.shape[2]))
