"""Moves by moments: SciPy's matrix root, float64 loops, and what the moved picture itself shows."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import sqrtm

from jaxdl.ops.augment.moments import moment_move
from jaxdl.ops.resize import sample_affine


def blob(x, y, wide, high, turn, size=(48, 40)):
    """A Gaussian of ink at (x, y), turned."""
    ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
    c, s = np.cos(turn), np.sin(turn)
    along, across = c * (xs - x) + s * (ys - y), -s * (xs - x) + c * (ys - y)
    return np.exp(-((along / wide) ** 2 + (across / high) ** 2) / 2)


INK = np.stack([blob(17, 29, 5, 2, 0.6), blob(22, 20, 2.5, 3, -0.3), blob(20, 24, 4, 4, 0.0)])


@pytest.mark.parametrize(("spread", "least"), [(6.0, 0.7), (4.0, 2.0)])
def test_it_is_the_root_of_the_covariance(spread, least):
    got = np.asarray(
        moment_move(jnp.asarray(INK, jnp.float32), (32, 36), spread=spread, least=least)
    )
    for ink, move in zip(INK, got, strict=True):
        points = [(np.array([x + 0.5, y + 0.5]), ink[y, x]) for y in range(48) for x in range(40)]
        total = sum(w for _, w in points)
        mean = sum(w * p for p, w in points) / total
        covariance = sum(w * np.outer(p - mean, p - mean) for p, w in points) / total
        linear = sqrtm(covariance + least**2 * np.eye(2)) / spread
        np.testing.assert_allclose(move[:, :2], linear, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(move @ [18, 16, 1], mean, rtol=1e-4)  # the middle of 36 x 32


def test_the_new_picture_has_its_middle_and_spread():
    ink = jnp.asarray(INK, jnp.float32)
    moved = sample_affine(ink[..., None], moment_move(ink, (64, 64), spread=8, least=0.1), (64, 64))
    ys, xs = np.mgrid[:64, :64] + 0.5
    for picture in np.asarray(moved, np.float64)[..., 0]:
        share = picture / picture.sum()
        x, y = (share * xs).sum() - 32, (share * ys).sum() - 32
        assert abs(x) < 0.1
        assert abs(y) < 0.1
        assert (share * (xs - 32) ** 2).sum() == pytest.approx(64, rel=0.06)
        assert (share * (ys - 32) ** 2).sum() == pytest.approx(64, rel=0.06)
        assert abs((share * (xs - 32) * (ys - 32)).sum()) < 1.5


def test_no_ink_stays_about_the_middle():
    move = np.asarray(moment_move(jnp.zeros((1, 10, 20)), (10, 20), spread=2, least=2.0))[0]
    np.testing.assert_allclose(move, [[1, 0, 0], [0, 1, 0]], atol=1e-5)
    with pytest.raises(ValueError, match="moment_move: spread"):
        moment_move(jnp.zeros((1, 4, 4)), (4, 4), spread=0)
