"""Arrays of pictures: `(N, H, W, C)` uint8, or an error that says what they look like."""

import numpy as np

from jaxdl.checks import DataError
from jaxdl.typing import Host


def with_channels(image: Host) -> Host:
    """Gray pictures `(N, H, W)` with a channel axis; others as they are."""
    return image[..., None] if image.ndim == 3 else image


def check_pixels(who: str, image: Host) -> None:
    """Raises DataError unless images are uint8 `(N, H, W, C)`, with what they look like."""
    if image.ndim != 4:
        raise DataError(f"{who}: image must be (N, H, W, C), got shape {image.shape}")
    if image.shape[-1] not in (1, 3, 4):
        chw = image.shape[1] in (1, 3, 4)
        hint = "; it looks like CHW: transpose(0, 2, 3, 1)" if chw else ""
        raise DataError(f"{who}: image must have 1, 3 or 4 channels last, got {image.shape}{hint}")
    if image.dtype != np.uint8:
        low, top = (float(image.min()), float(image.max())) if image.size else (0.0, 0.0)
        raise DataError(
            f"{who}: pixels must be uint8 (0..255), got {image.dtype} in {low:.5g}..{top:.5g}; "
            + to_bytes(image.dtype, low, top)
        )


def to_bytes(dtype: np.dtype, low: float, top: float) -> str:
    """How pixels of this type and range become bytes without a value that wraps."""
    if low < 0:
        return "they are normalized already; undo that, use astype('uint8')"
    if top <= 1:
        return "multiply by 255, round, then use astype('uint8')"
    if top <= 255:
        rounded = "round, then " if dtype.kind == "f" else ""
        return f"they lie in 0..255: {rounded}use astype('uint8')"
    bits = next((b for b in (10, 12, 14, 16, 24, 32) if top < 2**b), 0)
    if dtype.kind in "iu" and bits:
        return f"they have {bits} bits: divide by {2**bits - 1} / 255, then use astype('uint8')"
    return f"divide by {top:.5g} / 255, then use astype('uint8')"


def doubt_shape(image: Host) -> list[str]:
    """What looks like a mistake in the shape of pictures `(N, H, W, C)`."""
    _, height, width, channels = image.shape
    if height in (1, 3) and width > 4 * height:
        return [
            f"pictures are {height} high, {width} wide, of {channels} channels; if they are "
            f"channels first, transpose(0, 2, 3, 1)"
        ]
    return []
