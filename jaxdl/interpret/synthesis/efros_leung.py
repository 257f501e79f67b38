"""A texture without a network: pixel by pixel, from the most similar places of a sample."""

from typing import NamedTuple

import numpy as np

from jaxdl.checks import UsageError, check_at_least
from jaxdl.typing import Host


class Windows(NamedTuple):
    """All windows of a sample as rows: their values, and the pixels in their middles."""

    values: Host  # (N, w * w * C)
    middles: Host  # (N, C)


def grow_texture(
    sample: Host,
    size: tuple[int, int],
    *,
    window: int = 11,
    tolerance: float = 0.1,
    seed: int = 0,
) -> Host:
    """Efros, Leung 1999, "Texture Synthesis by Non-parametric Sampling": `(*size, C)`.

    Starts with a 3x3 patch of the sample in the middle. The next pixel is always one with the most
    known pixels in its window; it becomes the middle of a window of the sample drawn among those
    whose distance is at most 1 + `tolerance` times the least. A distance is the mean square over
    known pixels, weighted by a Gaussian of deviation window / 6.4. Every pixel of the result is one
    of the sample. Args: `sample` `(h, w, C)` uint8 or floats. Raises UsageError for a window that
    is even or larger than the sample.
    """
    check_at_least("grow_texture: size", min(size), 3)
    check_at_least("grow_texture: tolerance", tolerance, 0)
    if window % 2 == 0 or not 3 <= window <= min(sample.shape[:2]):
        raise UsageError(
            f"grow_texture: window must be odd, and from 3 to the sample's {sample.shape[:2]}, got "
            f"{window}"
        )
    rng = np.random.default_rng(seed)
    windows, half = cut_windows(sample, window), window // 2
    squares = np.square(windows.values)
    gauss = np.exp(-0.5 * (np.arange(-half, half + 1) / (window / 6.4)) ** 2)
    weights = np.outer(gauss, gauss)
    made = np.zeros((size[0] + 2 * half, size[1] + 2 * half, sample.shape[2]))
    known = np.zeros(made.shape[:2], bool)
    _place_seed(made, known, sample, half, rng)
    while (frontier := find_frontier(known, half)).size:
        for row, column in frontier:
            part = np.s_[row - half : row + half + 1, column - half : column + half + 1]
            mask = (weights * known[part])[..., None] * np.ones(sample.shape[2])
            away = distances(windows.values, squares, made[part], mask)
            near = np.flatnonzero(away <= away.min() * (1 + tolerance) + 1e-9)
            made[row, column] = windows.middles[rng.choice(near)]
            known[row, column] = True
    inside = made[half : half + size[0], half : half + size[1]]
    return inside.astype(sample.dtype)


def cut_windows(sample: Host, window: int) -> Windows:
    """Every whole window of the sample `(h, w, C)`, row by row, in float64."""
    views = np.lib.stride_tricks.sliding_window_view(
        sample.astype(np.float64), (window, window), (0, 1)
    )
    views = np.moveaxis(views, 2, -1)  # (rows, columns, window, window, C)
    count = views.shape[0] * views.shape[1]
    middles = views[:, :, window // 2, window // 2].reshape(count, -1)
    return Windows(views.reshape(count, -1), middles)


def distances(values: Host, squares: Host, place: Host, mask: Host) -> Host:
    """sum m (v - p)^2 / sum m for every row v of `values`, whose squares are given: `(N,)`."""
    weights, wanted = mask.ravel(), place.ravel()
    total = squares @ weights - 2 * (values @ (weights * wanted)) + weights @ np.square(wanted)
    return np.maximum(total, 0) / weights.sum()


def find_frontier(known: Host, half: int) -> Host:
    """Unknown pixels that touch known ones, those with the most known in their windows first.

    `known` `(H, W)` has a border of `half` pixels that is never filled. `(M, 2)` rows, columns.
    """
    inner = known[half:-half, half:-half]
    padded = np.pad(inner, 1)
    touched = np.zeros_like(inner)
    for i in range(3):
        for j in range(3):
            touched |= padded[i : i + inner.shape[0], j : j + inner.shape[1]]
    places = np.argwhere(touched & ~inner) + half
    sums = np.pad(known.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = places.T
    top, bottom, left, right = rows - half, rows + half + 1, columns - half, columns + half + 1
    counts = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return places[np.argsort(-counts, kind="stable")]


def _place_seed(made: Host, known: Host, sample: Host, half: int, rng: np.random.Generator) -> None:
    """Copies a 3x3 patch of the sample into the middle."""
    top, left = (int(rng.integers(n - 2)) for n in sample.shape[:2])
    row, column = (half + (n - 2 * half) // 2 - 1 for n in known.shape)
    made[row : row + 3, column : column + 3] = sample[top : top + 3, left : left + 3]
    known[row : row + 3, column : column + 3] = True
