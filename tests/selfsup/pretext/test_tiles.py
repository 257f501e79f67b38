"""Turns and tiles against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.selfsup.pretext.tiles import distant_permutations, shuffle_tiles, turn_quarters

IMAGES = np.random.default_rng(0).random((5, 12, 12, 3)).astype(np.float32)
KEYS = jax.random.split(jax.random.key(0), 5)


def test_turns_are_numpys():
    turns = np.array([0, 1, 2, 3, 1])
    want = [np.rot90(image, k) for image, k in zip(IMAGES, turns, strict=True)]
    np.testing.assert_array_equal(turn_quarters(jnp.asarray(IMAGES), jnp.asarray(turns)), want)
    with pytest.raises(ValueError, match=r"must be square, got shape \(5, 12, 9, 3\)"):
        turn_quarters(jnp.asarray(IMAGES[:, :, :9]), jnp.asarray(turns))


@pytest.mark.parametrize("count", [2, 9, 24])
def test_orders_are_far_from_each_other(count):
    orders = distant_permutations(count)
    assert all(sorted(order) == list(range(9)) for order in orders)
    apart = [np.sum(a != b) for i, a in enumerate(orders) for b in orders[:i]]
    draws = np.random.default_rng(1).permuted(np.tile(np.arange(9), (count, 1)), axis=1)
    by_chance = [np.sum(a != b) for i, a in enumerate(draws) for b in draws[:i]]
    assert np.mean(apart) >= max(np.mean(by_chance), 8)
    if count <= 9:
        assert np.mean(apart) == 9  # that many orders without a common place exist, greedily too


def test_places_show_the_tiles_of_their_order_and_the_inverse_order_solves_it():
    order = np.stack([np.random.default_rng(i).permutation(9) for i in range(5)])
    got = np.asarray(shuffle_tiles(KEYS, jnp.asarray(IMAGES), jnp.asarray(order), gap=0))
    for picture, image, row in zip(got, IMAGES, order, strict=True):
        for place, tile in enumerate(row):
            (y, x), (v, u) = divmod(place, 3), divmod(tile, 3)
            np.testing.assert_array_equal(
                picture[4 * y : 4 * y + 4, 4 * x : 4 * x + 4],
                image[4 * v : 4 * v + 4, 4 * u : 4 * u + 4],
            )
    back = shuffle_tiles(KEYS, jnp.asarray(got), jnp.argsort(jnp.asarray(order), axis=1), gap=0)
    np.testing.assert_array_equal(back, IMAGES)


def test_with_a_gap_a_tile_is_a_window_of_its_place_with_zeros_around():
    same = jnp.tile(jnp.arange(9)[None], (5, 1))
    got = np.asarray(shuffle_tiles(KEYS, jnp.asarray(IMAGES), same, gap=1))
    starts = set()
    for picture, image in zip(got, IMAGES, strict=True):
        cell, tile = picture[:4, :4], image[:4, :4]
        assert (cell[3] == 0).all()
        assert (cell[:, 3] == 0).all()
        fits = [
            (y, x)
            for y in (0, 1)
            for x in (0, 1)
            if np.array_equal(cell[:3, :3], tile[y : y + 3, x : x + 3])
        ]
        starts.update(fits)
        assert len(fits) == 1
    assert len(starts) > 1
    with pytest.raises(ValueError, match="a gap of 4 does not fit tiles of 4x4"):
        shuffle_tiles(KEYS, jnp.asarray(IMAGES), same, gap=4)
