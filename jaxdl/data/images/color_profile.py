"""Pictures whose file says what its colors mean (an ICC profile), as sRGB has them."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

MODES = ("RGB", "RGBA", "CMYK")
SAME = 2  # of 255: what rounding within a profile of sRGB may move a color by
GRID = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(
    1, -1, 3
)


def in_srgb(image: Image.Image) -> Image.Image:
    """`image` with the colors that its profile means, in sRGB, which pixels without one are in.

    Profiles of sRGB itself change nothing; nor do damaged ones and ones of another kind of image,
    which viewers ignore, too. Shades of gray and palettes stay as they are.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in MODES:
        return image
    transform = _to_srgb(bytes(profile), image.mode)
    return image if transform is None else transform.apply(image)


@functools.lru_cache(32)
def _to_srgb(profile: bytes, mode: str) -> Any:
    """The transform of such a profile; None where it says nothing."""
    out = "RGB" if mode == "CMYK" else mode
    flags = ImageCms.Flags.NOCACHE  # threads share it
    try:
        given, srgb = ImageCms.getOpenProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        make = functools.partial(ImageCms.buildTransform, given, srgb, flags=flags)
        if mode != "CMYK":
            grid = Image.fromarray(GRID)
            moved = np.asarray(make("RGB", "RGB").apply(grid), np.int16) - GRID
            if np.abs(moved).max() <= SAME:
                return None
        return make(mode, out)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
