"""Point-set distances against loops, SciPy's trees and assignments, finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import cKDTree

from jaxdl.losses.point_sets import chamfer, nearest_in_set, sinkhorn, squared_to_nearest
from jaxdl.metrics.shapes import earth_mover

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 300, 3)), RNG.normal(size=(2, 40, 3)) + 0.3
JA, JB = jnp.asarray(A, jnp.float32), jnp.asarray(B, jnp.float32)


@pytest.mark.parametrize("mean", [False, True])
def test_chamfer_is_that_of_trees(mean):
    got = chamfer(JA, JB, mean=mean)
    over = np.mean if mean else np.sum
    for i in range(2):
        there, back = cKDTree(B[i]).query(A[i])[0], cKDTree(A[i]).query(B[i])[0]
        np.testing.assert_allclose(got[i], over(there**2) + over(back**2), rtol=1e-5)
        np.testing.assert_array_equal(nearest_in_set(JA, JB)[i], cKDTree(B[i]).query(A[i])[1])
    np.testing.assert_allclose(squared_to_nearest(JA, JA), 0)


def test_order_does_not_matter_and_a_turn_of_both_neither():
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    order = RNG.permutation(300)
    for distance in (chamfer, lambda a, b: sinkhorn(a, b, steps=20)):
        want = distance(JA, JB)
        np.testing.assert_allclose(distance(JA[:, order], JB), want, rtol=1e-4)
        turned = distance(jnp.asarray(A @ turn, jnp.float32), jnp.asarray(B @ turn, jnp.float32))
        np.testing.assert_allclose(turned, want, rtol=1e-3)


def test_one_far_point_moves_chamfer_by_its_square():
    cloud = np.array(JA[:1, :100])
    far = cloud.copy()
    far[0, 0] = [10, 0, 0]
    moved = [float(chamfer(jnp.asarray(c), jnp.asarray(cloud))[0]) for c in (cloud, far)]
    assert moved[0] == 0
    nearest = ((cloud[0] - far[0, 0]) ** 2).sum(axis=1).min()
    np.testing.assert_allclose(moved[1], nearest, rtol=0.02)  # 99 of 100 points are in place
    assert moved[1] > 40


def transport(cost):
    """The exact cost of moving equal shares, as a linear program."""
    n, m = cost.shape
    rows = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(cost.ravel(), A_eq=rows, b_eq=[*[1 / n] * n, *[1 / m] * m]).fun


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_earth_movers_are_the_linear_program(power):
    a, b = A[0, :12], B[0, :12]
    cost = np.linalg.norm(a[:, None] - b[None], axis=-1) ** power
    want = transport(cost)
    np.testing.assert_allclose(earth_mover(a, b, power=power), want, rtol=1e-6)
    errors = []
    for blur in (0.3, 0.03):
        got = sinkhorn(JA[:1, :12], JB[:1, :12], blur=blur, steps=300, power=power)[0]
        errors.append(float(got) / want - 1)
    assert errors[0] > errors[1] > -1e-3
    assert errors[1] < 0.02
    uneven = sinkhorn(JA[:1, :12], JB[:1, :7], blur=0.02, steps=300, power=power)[0]
    np.testing.assert_allclose(uneven, transport(cost[:, :7]), rtol=0.02)


@pytest.mark.parametrize("name", ["chamfer", "sinkhorn"])
def test_gradients_are_finite_differences(name):
    loss = {"chamfer": chamfer, "sinkhorn": lambda a, b: sinkhorn(a, b, blur=0.1, steps=10)}[name]
    with jax.enable_x64(True):
        way, a, b = (jnp.asarray(x[:, :20]) for x in (RNG.normal(size=A.shape), A, B))

        def value(step):
            return jnp.sum(loss(a + step * way, b[:, :15] - step * way[:, :15]))

        value = jax.jit(value)
        want = (value(1e-6) - value(-1e-6)) / 2e-6
        np.testing.assert_allclose(jax.grad(value)(0.0), want, rtol=1e-5)
        equal = jax.grad(lambda x: jnp.sum(loss(x, a)))(a)
        assert np.isfinite(equal).all()


def test_what_does_not_match_is_named():
    with pytest.raises(ValueError, match=r"sets must match.*\(2, 300, 3\).*\(1, 40, 3\)"):
        chamfer(JA, JB[:1])
    with pytest.raises(ValueError, match="blur"):
        sinkhorn(JA, JB, blur=0.0)
    with pytest.raises(ValueError, match="a, b"):
        earth_mover(A[0], B[0])
