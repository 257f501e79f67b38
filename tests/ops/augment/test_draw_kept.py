"""Draws counted against chances worked by hand; in evaluation the first of each row."""

import jax
import numpy as np
import pytest

from jaxdl.ops.augment.draw_kept import draw_kept

VALUES = np.arange(3 * 4 * 2).reshape(3, 4, 2)
KEPT = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)


@pytest.mark.parametrize(("first", "chances"), [(0, (4, 2, 1)), (3, (3, 2, 1))])
def test_each_kept_value_is_as_likely(first, chances):
    keys = jax.random.split(jax.random.key(0), (3000, 3))
    draw = jax.jit(jax.vmap(lambda k: draw_kept(k, VALUES, KEPT, train=True, first=first)))
    made = np.asarray(draw(keys))
    assert (made[:, :, 1] == made[:, :, 0] + 1).all()  # values stay whole
    for row, chance in enumerate(chances):
        count = np.bincount((made[:, row, 0] - VALUES[row, 0, 0]) // 2, minlength=4)
        assert count[chance:].sum() == 0
        np.testing.assert_allclose(count[:chance] / 3000, 1 / chance, atol=0.04)


def test_evaluation_takes_the_first():
    keys = jax.random.split(jax.random.key(1), 3)
    got = draw_kept(keys, VALUES, KEPT, train=False)
    np.testing.assert_array_equal(got, VALUES[:, 0])
