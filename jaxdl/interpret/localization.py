"""Where a map points to: its highest place and its object, compared with true masks.

Maps are host arrays `(H, W)`, high where the target is; masks `(H, W)` bool.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from sklearn.mixture import GaussianMixture

from jaxdl.checks import check_fraction, check_same_shape
from jaxdl.typing import Host

SCALE = 1000  # capacities are integers: an energy of 1 is so many
NEIGHBORS = ((0, 1), (1, 0), (1, 1), (1, -1))  # of a pixel, each pair once


def highest(values: Host) -> tuple[int, int]:
    """(row, column) of the largest value; the first of several, the middle of a constant map."""
    if np.ptp(values) == 0:
        return values.shape[0] // 2, values.shape[1] // 2
    row, column = np.unravel_index(np.argmax(values), values.shape)
    return int(row), int(column)


def points_at(place: tuple[int, int], mask: Host, *, tolerance: float = 0.0) -> bool:
    """The pointing game: whether a place is within `tolerance` pixels of the mask.

    Zhang et al. 2018, arXiv 1608.00507, section 4.1 (they allow 15 pixels of pictures of 500).
    """
    inside = np.argwhere(mask)
    return bool(len(inside) and np.hypot(*(inside - place).T).min() <= tolerance)


def above_share(values: Host, share: float) -> Host:
    """Where a map is at least `share` of its largest value (Zhou et al. 2016, section 3.2: 0.2)."""
    check_fraction("above_share: share", share)
    return values >= share * values.max()


def cut_out(
    image: Host,
    values: Host,
    *,
    object_share: float = 0.05,
    ground_share: float = 0.3,
    smoothness: float = 2.0,
    rounds: int = 3,
    seed: int = 0,
) -> Host:
    """The object in a picture `(H, W, C)` that a map tells of, as a mask.

    Simonyan et al. 2014, arXiv 1312.6034, section 3.2: the highest `object_share` of the map's
    pixels begin as object, the lowest `ground_share` as ground. As in GrabCut (Rother et al. 2004)
    the rest is what makes least, over all masks, the sum of -log p of its color, under mixtures of
    three Gaussians of object and ground, and of `smoothness` exp(-|c - c'|^2 / (2 mean)) / distance
    for neighbors that are told apart; the mixtures are then fitted to that mask, `rounds` times.
    What began as object or ground stays.
    """
    check_same_shape("cut_out: image, values", image[..., 0], values)
    pixels = image.reshape(-1, image.shape[-1]).astype(np.float64)
    order = np.argsort(values.ravel(), kind="stable")
    count = len(order)
    inside, outside = np.zeros((2, count), bool)
    inside[order[-max(1, round(object_share * count)) :]] = True
    outside[order[: max(1, round(ground_share * count))]] = True
    outside &= ~inside
    edges = neighbor_weights(image, smoothness)
    likely_inside, likely_outside = inside, outside
    mask = inside
    for _ in range(rounds):
        costs = [surprise(pixels, rows, seed) for rows in (likely_inside, likely_outside)]
        mask = min_cut(*costs, *edges, inside, outside)
        likely_inside, likely_outside = mask, ~mask
    return mask.reshape(values.shape)


def surprise(pixels: Host, rows: Host, seed: int) -> Host:
    """-log p of every pixel under a mixture of three Gaussians, fitted to those of `rows`."""
    chosen = pixels[rows]
    parts = min(3, len(np.unique(chosen, axis=0)), len(chosen))
    # A pixel's own rounding is a deviation of .3: flat colors would have none.
    mixture = GaussianMixture(parts, reg_covar=1.0, random_state=seed)
    return -mixture.fit(chosen).score_samples(pixels)


def neighbor_weights(image: Host, smoothness: float) -> tuple[Host, Host, Host]:
    """(pixel, neighbor, weight) of every pair of the eight around, pixels numbered row by row."""
    height, width = image.shape[:2]
    numbers = np.arange(height * width).reshape(height, width)
    values = image.astype(np.float64)
    firsts, seconds, squares, lengths = [], [], [], []
    for down, right in NEIGHBORS:
        a = np.s_[: height - down, max(0, -right) : width - max(0, right)]
        b = np.s_[down:, max(0, right) : width - max(0, -right)]
        firsts.append(numbers[a].ravel())
        seconds.append(numbers[b].ravel())
        squares.append(((values[a] - values[b]) ** 2).sum(-1).ravel())
        lengths.append(np.full(firsts[-1].size, np.hypot(down, right)))
    square = np.concatenate(squares)
    weight = smoothness * np.exp(-square / max(2 * square.mean(), 1e-12)) / np.concatenate(lengths)
    return np.concatenate(firsts), np.concatenate(seconds), weight


def min_cut(
    inside_cost: Host,
    outside_cost: Host,
    first: Host,
    second: Host,
    weight: Host,
    inside: Host,
    outside: Host,
) -> Host:
    """The mask `(N,)` of least cost, by the maximum flow (Boykov, Jolly 2001, section 2).

    Its cost is the sum of `inside_cost` where it is True and `outside_cost` where not, and of
    `weight` for the pairs `first`, `second` that it parts; True at `inside`, False at `outside`.
    """
    count = len(inside_cost)
    source, sink = count, count + 1
    least = np.minimum(inside_cost, outside_cost)
    endless = 1 + np.abs(outside_cost - inside_cost).sum() + weight.sum()
    to_source = np.where(inside, endless, np.where(outside, 0, outside_cost - least))
    to_sink = np.where(outside, endless, np.where(inside, 0, inside_cost - least))
    nodes = np.arange(count)
    tails = np.concatenate([np.full(count, source), nodes, first, second])
    heads = np.concatenate([nodes, np.full(count, sink), second, first])
    capacity = np.concatenate([to_source, to_sink, weight, weight])
    whole = np.minimum(np.round(capacity * SCALE), 2**30).astype(np.int32)
    graph = coo_array((whole, (tails, heads)), (count + 2, count + 2)).tocsr()
    flow = maximum_flow(graph, source, sink).flow
    left = graph - flow
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    mask = np.zeros(count + 2, bool)
    mask[reached] = True
    return mask[:count]


def mask_iou(mask: Host, truth: Host) -> float:
    """Pixels in both by pixels in either; 1 where both are empty."""
    either = np.sum(mask | truth)
    return float(np.sum(mask & truth) / either) if either else 1.0
