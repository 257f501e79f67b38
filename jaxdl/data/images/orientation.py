"""Pictures that a camera stored turned (EXIF), and what is drawn on them, as people see them.

Orientation k of EXIF 2.32, 4.6.4 (tag 0x0112): 1 is as seen, 5 to 8 change height and width.
"""

import struct

import numpy as np
from PIL import Image

from jaxdl.typing import Host

TAG = 0x0112
PNG_KEYS = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}  # the last: ImageMagick's
# k -> what is done to the stored picture: axes exchanged, then left and right, then top and bottom.
TURNS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def orientation_of(image: Image.Image) -> int:
    """The orientation of a picture that is open, but not loaded; 1 where none can be read."""
    # Pillow would read all of a PNG to look for EXIF at its end.
    if image.format == "PNG" and not PNG_KEYS & image.info.keys():
        return 1
    try:
        orientation = image.getexif().get(TAG, 1)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return 1  # the picture is sound, what is said of it is not
    return orientation if orientation in TURNS else 1


def turn_shape(shape: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Height and width as seen of those stored, and the reverse."""
    return (shape[1], shape[0]) if TURNS[orientation][0] else shape


def turn_pixels(stored: Host, orientation: int, *, axis: int = 0) -> Host:
    """Pixels as seen, rows at `axis`, columns after it: `(..., H, W, ...)`."""
    exchanged, flip_x, flip_y = TURNS[orientation]
    seen = np.swapaxes(stored, axis, axis + 1) if exchanged else stored
    flips = (axis + 1,) * flip_x + (axis,) * flip_y
    return np.flip(seen, flips) if flips else seen


def turn_points(stored: Host, seen_shape: tuple[int, int], orientation: int) -> Host:
    """Points `(..., 2)` x, y, pixels' edges being whole numbers, in the picture (H, W) as seen."""
    exchanged, flip_x, flip_y = TURNS[orientation]
    seen = stored[..., ::-1] if exchanged else stored
    size = np.array(seen_shape[::-1])
    return np.where([flip_x, flip_y], size - seen, seen)


def turn_boxes(stored: Host, seen_shape: tuple[int, int], orientation: int) -> Host:
    """Boxes `(n, 4)` x1, y1, x2, y2 in the picture (H, W) as seen."""
    corners = turn_points(stored.reshape(-1, 2, 2), seen_shape, orientation)
    _, flip_x, flip_y = TURNS[orientation]
    # The first corner stays the upper left; a box that was inverted stays so, to be found.
    seen = np.where([[flip_x, flip_y]], corners[:, ::-1], corners)
    return seen.reshape(-1, 4)
