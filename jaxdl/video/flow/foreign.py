"""The flows that OpenCV and scikit-image find, to compare with."""

from collections.abc import Callable

import numpy as np

from jaxdl.checks import require
from jaxdl.typing import Host

Method = Callable[[Host, Host], Host]
GRAY = np.array([0.299, 0.587, 0.114], np.float32)


def foreign_flow(name: str, first: Host, second: Host) -> Host:
    """`(H, W, 3)` float in [0, 1] each -> `(H, W, 2)`, x and y in pixels; they look at gray.

    Raises UsageError where the package is not installed.
    """
    return METHODS[name](first @ GRAY, second @ GRAY)


def opencv_lucas_kanade(first: Host, second: Host) -> Host:
    """`calcOpticalFlowPyrLK` asked at every pixel: windows of 15 pixels, four levels."""
    cv2 = require("cv2", "opencv-python-headless", "opencv_lucas_kanade")
    height, width = first.shape
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    places = places.reshape(-1, 1, 2).astype(np.float32)
    moved, _, _ = cv2.calcOpticalFlowPyrLK(
        as_bytes(first), as_bytes(second), places, None, winSize=(15, 15), maxLevel=3
    )
    return (moved - places).reshape(height, width, 2)


def opencv_dis(first: Host, second: Host) -> Host:
    """Dense inverse search (Kroeger et al. 2016), the preset MEDIUM."""
    cv2 = require("cv2", "opencv-python-headless", "opencv_dis")
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(as_bytes(first), as_bytes(second), None)


def scikit_image_ilk(first: Host, second: Host) -> Host:
    """`optical_flow_ilk`, iterative Lucas-Kanade, as it is by default."""
    skimage = require("skimage.registration", "scikit-image", "scikit_image_ilk")
    return np.stack(skimage.optical_flow_ilk(first, second)[::-1], axis=-1)


def scikit_image_tvl1(first: Host, second: Host) -> Host:
    """`optical_flow_tvl1`, as it is by default."""
    skimage = require("skimage.registration", "scikit-image", "scikit_image_tvl1")
    return np.stack(skimage.optical_flow_tvl1(first, second)[::-1], axis=-1)


def as_bytes(gray: Host) -> Host:
    """Floats in [0, 1] as uint8."""
    return np.round(gray * 255).astype(np.uint8)


METHODS: dict[str, Method] = {
    "opencv_lucas_kanade": opencv_lucas_kanade,
    "opencv_dis": opencv_dis,
    "scikit_image_ilk": scikit_image_ilk,
    "scikit_image_tvl1": scikit_image_tvl1,
}
