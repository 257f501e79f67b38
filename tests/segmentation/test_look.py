"""Mirror images and tiles against the whole picture, and against loops over pixels."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.segmentation.look import LookConfig, class_shares, tile_places, tile_weights, tiled

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 23, 31, 3)).astype(np.float32))


def test_a_mirror_image_is_looked_at_too():
    slope = jnp.arange(31.0)[None, None, :, None]

    def apply(x):  # what it says of a pixel depends on where that is
        return x * slope

    got = class_shares(apply, X, LookConfig(flip=True))
    want = (jax.nn.softmax(X * slope) + jax.nn.softmax(X * slope[:, :, ::-1])) / 2
    np.testing.assert_allclose(got, want, atol=1e-6)
    alone = class_shares(apply, X, LookConfig())
    np.testing.assert_allclose(alone, jax.nn.softmax(X * slope), atol=1e-6)


@pytest.mark.parametrize(("tile", "overlap"), [((10, 12), 4), ((23, 8), 0), ((40, 50), 7)])
def test_tiles_of_a_net_without_neighbors_are_the_whole(tile, overlap):
    apply = jax.nn.softmax
    look = LookConfig(tile=tile, overlap=overlap)
    got = class_shares(lambda x: x, X, look)
    np.testing.assert_allclose(got, apply(X), atol=1e-6)
    np.testing.assert_allclose(got.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("overlap", [2, 5])
def test_tiles_cover_all_and_overlap_so_much(overlap):
    places = list(tile_places((23, 31), (10, 12), overlap))
    seen = np.zeros((23, 31), int)
    for top, left in places:
        assert 0 <= top <= 13
        assert 0 <= left <= 19
        seen[top : top + 10, left : left + 12] += 1
    assert seen.min() >= 1
    for axis, side in ((0, 10), (1, 12)):
        starts = sorted({place[axis] for place in places})
        assert all(a + side - b >= overlap for a, b in itertools.pairwise(starts))


def test_tiles_are_blended_by_their_weights():
    def apply(x):  # the mean of the tile: another number for each
        return jnp.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape)

    got = tiled(apply, X, (10, 12), 4)
    weights, sums = np.zeros((23, 31)), np.zeros(X.shape)
    for top, left in tile_places((23, 31), (10, 12), 4):
        for i in range(10):
            for j in range(12):
                edge = [min(k + 1, n - k, 5) / 5 for k, n in ((i, 10), (j, 12))]
                weights[top + i, left + j] += edge[0] * edge[1]
                part = np.asarray(X)[:, top : top + 10, left : left + 12]
                sums[:, top + i, left + j] += edge[0] * edge[1] * part.mean(axis=(1, 2))
    np.testing.assert_allclose(got, sums / weights[None, :, :, None], atol=1e-5)
    assert tile_weights(10, 12, 4)[0, 0] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile": (10,)}, "look.tile must be a height and a width"),
        ({"tile": (10, 8), "overlap": 8}, r"look.overlap must lie in 0\.\.7"),
        ({"overlap": -1}, "look.overlap"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        LookConfig(**options)
