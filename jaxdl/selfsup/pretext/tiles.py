"""Puzzles whose answer is known: quarter turns, and tiles in another order."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import check_rank
from jaxdl.ops.augment.crop_flip import row_uniform
from jaxdl.typing import Array, Host, Key

GRID = 3  # tiles along a side


def turn_quarters(images: Array, turns: Array) -> Array:
    """Each square image turned counter-clockwise by `turns` `(B,)` of 90 degrees (0 to 3).

    `(B, S, S, C)` -> the same (Gidaris et al. 2018, arXiv 1803.07728).
    """
    check_rank("turn_quarters: images", images, 4)
    if images.shape[1] != images.shape[2]:
        raise ValueError(f"turn_quarters: images must be square, got shape {images.shape}")
    all_turns = jnp.stack([jnp.rot90(images, k, axes=(1, 2)) for k in range(4)])
    return all_turns[turns, jnp.arange(len(images))]


def distant_permutations(count: int, seed: int = 0) -> Host:
    """`count` orders of the nine tiles that differ in many places: `(count, 9)` int32.

    Greedy, each the furthest from those before it in mean Hamming distance (Noroozi & Favaro
    2016, arXiv 1603.09246, algorithm 1); the first is drawn.
    """
    known = np.array(list(itertools.permutations(range(GRID**2))), np.int8)
    if not 2 <= count <= 1000:
        raise ValueError(f"distant_permutations: count must lie in 2..1000, got {count}")
    chosen = [int(np.random.default_rng(seed).integers(len(known)))]
    total = np.zeros(len(known))
    for _ in range(count - 1):
        total += np.sum(known != known[chosen[-1]], axis=1)
        total[chosen[-1]] = -np.inf
        chosen.append(int(np.argmax(total)))
    return known[chosen].astype(np.int32)


def shuffle_tiles(keys: Key, images: Array, order: Array, *, gap: int = 1) -> Array:
    """Nine tiles of each image in another order; place i shows tile `order[:, i]`.

    A tile is cut out at random, `gap` pixels less a side than a third of the image, and has zeros
    around it, so that its edges do not tell its neighbors. `(B, H, W, C)`, `order` `(B, 9)` ->
    `(B, 3 (H // 3), 3 (W // 3), C)`.
    """
    check_rank("shuffle_tiles: images", images, 4)
    height, width = images.shape[1] // GRID, images.shape[2] // GRID
    if not 0 <= gap < min(height, width):
        raise ValueError(f"shuffle_tiles: a gap of {gap} does not fit tiles of {height}x{width}")
    places = jnp.floor(row_uniform(keys, 2 * GRID**2) * (gap + 1)).astype(jnp.int32)

    def one(image: Array, order: Array, shifts: Array) -> Array:
        def cut(place: Array, shift: Array) -> Array:
            start = (place // GRID) * height + shift[0], (place % GRID) * width + shift[1], 0
            size = height - gap, width - gap, image.shape[2]
            tile = jax.lax.dynamic_slice(image, start, size)
            before = gap // 2
            edge = (before, gap - before)
            return jnp.pad(tile, (edge, edge, (0, 0)))

        tiles = jax.vmap(cut)(order, shifts)
        rows = tiles.reshape(GRID, GRID, height, width, -1).swapaxes(1, 2)
        return rows.reshape(GRID * height, GRID * width, -1)

    return jax.vmap(one)(images, order, places.reshape(-1, GRID**2, 2))
