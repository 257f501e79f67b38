"""Losses without negatives against float64 loops of the papers; eight devices against one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxdl.losses.non_contrastive import barlow_twins, byol, simsiam

RNG = np.random.default_rng(0)
PA, PB, A, B = RNG.normal(size=(4, 16, 6))
JPA, JPB, JA, JB = (jnp.asarray(x, jnp.float32) for x in (PA, PB, A, B))


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / np.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def test_byol_is_the_squared_distance_of_unit_vectors():
    want = [
        sum((p / np.linalg.norm(p) - z / np.linalg.norm(z)) ** 2)
        for p, z in zip(PA, A, strict=True)
    ]
    np.testing.assert_allclose(byol(JPA, JA), want, rtol=1e-5)
    grads = jax.grad(lambda p, z: byol(p, z).sum(), (0, 1))(JPA, JA)
    assert [bool(jnp.any(g != 0)) for g in grads] == [True, False]


@pytest.mark.parametrize("stop", [True, False])
def test_simsiam_is_the_formula_in_loops(stop):
    want = [-(cosine(PA[i], B[i]) + cosine(PB[i], A[i])) / 2 for i in range(len(A))]
    np.testing.assert_allclose(simsiam(JPA, JPB, JA, JB, stop_gradient=stop), want, rtol=1e-5)
    loss = lambda *a: simsiam(*a, stop_gradient=stop).sum()  # noqa: E731
    grads = jax.grad(loss, (0, 1, 2, 3))(JPA, JPB, JA, JB)
    assert [bool(jnp.any(g != 0)) for g in grads] == [True, True, not stop, not stop]


def barlow_in_loops(za, zb, weight):
    za, zb = za - za.mean(0), zb - zb.mean(0)
    features, want = range(za.shape[1]), []
    for i in features:
        c = [
            sum(za[:, i] * zb[:, j]) / np.sqrt(sum(za[:, i] ** 2)) / np.sqrt(sum(zb[:, j] ** 2))
            for j in features
        ]
        want.append((1 - c[i]) ** 2 + weight * sum(c[j] ** 2 for j in features if j != i))
    return want


@pytest.mark.parametrize("weight", [5e-3, 1.0])
def test_barlow_twins_is_the_formula_in_loops(weight):
    got = barlow_twins(JA, JB, redundancy_weight=weight)
    np.testing.assert_allclose(got, barlow_in_loops(A, B, weight), rtol=1e-4)


def test_a_constant_feature_has_a_finite_gradient():
    grad = jax.grad(lambda z: barlow_twins(z, JB).sum())(jnp.ones((16, 6)))
    assert np.isfinite(grad).all()


def on_devices(ways):
    mesh = Mesh(np.array(jax.devices()[:ways]), ("device",))

    def one(weight, a, b):
        loss = lambda w: barlow_twins(a @ w, b @ w, axis_name="device").sum()  # noqa: E731
        return jax.lax.pmean(jax.value_and_grad(loss)(weight), "device")

    rows = P("device")
    call = jax.shard_map(one, mesh=mesh, in_specs=(P(), rows, rows), out_specs=P(), check_vma=False)
    weight = jnp.asarray(np.random.default_rng(1).normal(size=(6, 5)), jnp.float32)
    return jax.jit(call)(weight, JA, JB)


def test_the_correlation_of_eight_devices_is_that_of_one():
    for got, want in zip(on_devices(8), on_devices(1), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"za, zb.*\(16, 6\).*\(4, 6\)"):
        barlow_twins(JA, JB[:4])
    with pytest.raises(ValueError, match=r"a, b.*\(16, 6\).*\(4, 6\)"):
        byol(JPA, JA[:4])
