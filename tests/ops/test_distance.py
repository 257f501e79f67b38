"""Distances against SciPy's, the smallest of a row against NumPy's stable sort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxdl.ops.distance import euclidean, manhattan, smallest, squared_euclidean, unit_rows


@pytest.mark.parametrize(("ours", "theirs"), [(euclidean, "euclidean"), (manhattan, "cityblock")])
@pytest.mark.parametrize("width", [3, 16, 37])  # manhattan's chunk divides one of them
def test_distances_are_scipys(ours, theirs, width):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, width)), rng.normal(size=(11, width))
    np.testing.assert_allclose(ours(a, b), cdist(a, b, theirs), rtol=1e-5)


def test_the_gradient_at_equal_points_is_zero_and_elsewhere_the_unit_vector():
    a, b = jnp.array([[1.0, 2.0], [4.0, 6.0]]), jnp.array([[1.0, 2.0]])
    slope = jax.grad(lambda a: jnp.sum(euclidean(a, b)))(a)
    np.testing.assert_allclose(slope, [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_worked_example_of_two_images():
    test = np.array([[56, 32, 10, 18], [90, 23, 128, 133], [24, 26, 178, 200], [2, 0, 255, 220]])
    train = np.array([[10, 20, 24, 17], [8, 10, 89, 100], [12, 16, 178, 170], [4, 32, 233, 112]])
    a, b = (x.reshape(1, -1).astype(np.uint8) for x in (test, train))
    assert float(manhattan(a, b)[0, 0]) == 456
    np.testing.assert_allclose(euclidean(a, b)[0, 0], 162.1111, atol=5e-5)


def test_a_large_common_offset_does_not_spoil_the_distance():
    rng = np.random.default_rng(1)
    a, b = 1000 + rng.normal(size=(5, 8)), 1000 + rng.normal(size=(6, 8))
    np.testing.assert_allclose(
        squared_euclidean(a, b), cdist(a, b, "sqeuclidean"), rtol=1e-3
    )  # the rounding of the offset itself is 6e-5


@pytest.mark.parametrize("chunk", [1, 5])
def test_chunks_change_nothing(chunk):
    a, b = np.random.default_rng(2).integers(0, 9, (2, 4, 12))
    np.testing.assert_array_equal(manhattan(a, b, chunk=chunk), cdist(a, b, "cityblock"))


@pytest.mark.parametrize("group", [4, 16])
@pytest.mark.parametrize(("k", "columns"), [(1, 100), (3, 200), (5, 7)])
def test_smallest_is_a_stable_sort(k, columns, group):
    values = np.random.default_rng(3).integers(0, 6, (20, columns)).astype(np.float32)  # many ties
    want = np.argsort(values, axis=1, kind="stable")[:, :k]
    found, index = smallest(jnp.asarray(values), k, group=group)
    np.testing.assert_array_equal(index, want)
    np.testing.assert_array_equal(found, np.take_along_axis(values, want, axis=1))


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"manhattan: rows must have one length, got 3 and 4"):
        manhattan(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"smallest: k must lie in \[1, 4\], got 5"):
        smallest(jnp.ones((2, 4)), 5)


def test_unit_rows_are_those_of_numpy_and_zeros_have_a_finite_gradient():
    x = np.random.default_rng(4).normal(size=(2, 3, 5))
    want = x / np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(unit_rows(jnp.asarray(x, jnp.float32)), want, rtol=1e-5)
    assert np.isfinite(jax.grad(lambda z: unit_rows(z).sum())(jnp.zeros((2, 3)))).all()
