"""What a score loses where a window of the picture is covered."""

import jax.numpy as jnp
import numpy as np

from jaxdl.checks import UsageError
from jaxdl.interpret.network import Network, Score, Target, score_of, scores
from jaxdl.typing import Array, Host, Window

ROWS = 32  # covered pictures that are computed at once, about


def occlusion(
    network: Network,
    images: Array,
    target: Target,
    *,
    window: Window,
    stride: Window,
    baseline: Array | float = 0.0,
) -> Array:
    """score(x) - score(x with a window at `baseline`), as the mean over the windows of each pixel.

    `(B, H, W)` (Zeiler, Fergus 2014, arXiv 1311.2901, section 4.2). Windows begin at multiples of
    `stride`; the last ones of a row and a column may overhang. Raises UsageError where pixels
    would be left out.
    """
    score = score_of(network, images, target)
    _, height, width, _ = images.shape
    covers = window_masks((height, width), pair(window), pair(stride))
    base = jnp.broadcast_to(jnp.asarray(baseline, images.dtype), images.shape)
    whole = scores(network, images, score)
    batch, group = len(images), max(1, ROWS // len(images))
    repeated = score  # of a function, which takes further pictures as it took these
    if isinstance(score, Score) and score.classes is not None:
        repeated = score.replace(classes=jnp.tile(score.classes, group))
    total = np.zeros(images.shape[:3])
    for start in range(0, len(covers), group):
        chosen = covers[start : start + group]
        padded = np.concatenate([chosen, np.zeros((group - len(chosen), *chosen.shape[1:]), bool)])
        covered = jnp.where(
            padded[:, None, :, :, None], base[None], images[None]
        )  # (G, B, H, W, C)
        after = scores(network, covered.reshape(-1, *images.shape[1:]), repeated)
        lost = np.asarray(whole[None] - after.reshape(group, batch))[: len(chosen)]
        total += np.einsum("gb,ghw->bhw", lost, chosen)
    return jnp.asarray(total / covers.sum(0), images.dtype)


def window_masks(size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]) -> Host:
    """`(windows, H, W)` bool, True where each covers, row by row."""
    for side, length, step in zip(size, window, stride, strict=True):
        if not 1 <= step <= length <= side:
            raise UsageError(
                f"occlusion: must have 1 <= stride <= window <= picture, got stride {stride}, "
                f"window {window}, picture {size}"
            )
    sides = []
    for side, length, step in zip(size, window, stride, strict=True):
        starts = np.arange(0, side - length + step, step)
        at = np.arange(side)
        sides.append((at >= starts[:, None]) & (at < starts[:, None] + length))
    rows, columns = sides
    return (rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, *size)


def pair(value: Window) -> tuple[int, int]:
    """One number for both sides, or two."""
    return (value, value) if isinstance(value, int) else value
