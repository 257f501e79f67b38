"""The pixels that a viewer shows of an opened picture: eight bits, on white."""

import numpy as np
from PIL import Image

from jaxdl.data.images.color_profile import in_srgb
from jaxdl.typing import Host

DEEP = 65535  # white of 16 bits
TWELVE_BITS = 4095


def shown_pixels(image: Image.Image, channels: int) -> Host:
    """`(H, W, channels)` uint8; gray for one channel, with alpha for four.

    Colors are those of sRGB, see `in_srgb`. What is transparent shows white behind it (in four
    channels: invisible pixels are white). Raises ValueError where numbers beyond eight bits have no
    known range.
    """
    if image.mode[0] in "IF":
        image = Image.fromarray(eight_bits(np.asarray(image), image.format or ""))
    image = in_srgb(image)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"), np.uint8)
        if channels == 4:
            return np.where(rgba[..., 3:] == 0, np.array([255, 255, 255, 0], np.uint8), rgba)
        image = Image.fromarray(on_white(rgba))
    image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def on_white(rgba: Host) -> Host:
    """`(H, W, 4)` over white: `(H, W, 3)`, alpha a share of 255, rounded."""
    color, alpha = rgba[..., :3].astype(np.uint32), rgba[..., 3:].astype(np.uint32)
    return ((color * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def eight_bits(values: Host, kind: str) -> Host:
    """16-bit numbers, or real ones from 0 to 1, as uint8: the full range is 0..255, rounded.

    `kind`: Pillow's name of the file's format, of which PNG and PPM say what white is.
    """
    low, high = float(values.min()), float(values.max())
    span = f"from {low:.9g} to {high:.9g}"
    if values.dtype.kind == "f":
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f"its pixels are real numbers {span}, and only 0 to 1 has a known white; "
                "save it with 8 or 16 bits"
            )
        return (values * 255 + 0.5).astype(np.uint8)
    if low < 0 or high > DEEP or (values.dtype.itemsize > 2 and kind == "TIFF"):
        raise ValueError(
            f"its pixels are whole numbers {span} of more than 16 bits or with a sign, and what is "
            "white is not known; save it with 8 or 16 bits"
        )
    if 0 < high <= TWELVE_BITS:
        raise ValueError(
            f"its 16-bit pixels end at {high:.0f} of {DEEP}, which shows all but black; "
            "scale them to the full range"
        )
    return ((values.astype(np.uint32) * 255 + DEEP // 2) // DEEP).astype(np.uint8)
