"""Pairs of pictures whose flow is known: a picture, and the same seen along a flow."""

import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.typing import Host

KINDS = ("shift", "turn", "zoom", "waves")


def known_flow(kind: str, height: int, width: int, *, most: float) -> Host:
    """A smooth flow `(H, W, 2)`, x and y, whose longest move is `most` pixels.

    shift: one move for all; turn and zoom around the middle; waves: one that bends.
    """
    check_one_of("known_flow: kind", kind, KINDS)
    check_positive("known_flow: most", most)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    x = x * (width / height)  # a turn is one in pictures that are not square, too
    moves = {
        "shift": (np.full_like(x, 1.0), np.full_like(x, 0.6)),
        "turn": (-y, x),
        "zoom": (x, y),
        "waves": (np.sin(3 * y + 0.5) + 0.3 * x, np.cos(2.5 * x) * np.sin(2 * y)),
    }
    flow = np.stack(moves[kind], axis=-1)
    return (flow * (most / np.linalg.norm(flow, axis=-1).max())).astype(np.float32)


def make_pair(picture: Host, kind: str, *, most: float) -> tuple[Host, Host, Host]:
    """`(H, W, C)` uint8 -> first, second, both float32 in [0, 1], and the flow between them.

    first(x) = picture(x + flow(x)) by cubic splines (SciPy), not by the bilinear `warp` that is
    to be measured; second is the picture. Both lose a margin of `most` pixels, so that what moves
    in from outside is the picture's own: `(H - 2 m, W - 2 m, C)`, m = ceil(most).
    """
    from scipy.ndimage import map_coordinates

    margin = int(np.ceil(most))
    height, width = (side - 2 * margin for side in picture.shape[:2])
    if min(height, width) < 1:
        raise ValueError(f"make_pair: {picture.shape[:2]} pixels are too few for moves of {most}")
    flow = known_flow(kind, height, width, most=most)
    rows, columns = np.mgrid[:height, :width] + margin
    places = (rows + flow[..., 1], columns + flow[..., 0])
    values = picture / 255
    channels = [
        map_coordinates(v, places, order=3, mode="nearest") for v in values.T.swapaxes(1, 2)
    ]
    first = np.clip(np.stack(channels, axis=-1), 0, 1).astype(np.float32)
    inner = slice(margin, margin + height), slice(margin, margin + width)
    return first, values[inner].astype(np.float32), flow
