"""Contrastive losses against float64 loops of the papers and torch; eight devices against one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxdl.losses.contrastive import clip_loss, contrastive_pairs, info_nce, nt_xent, triplet

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 16, 8))
JA, JB, JC = (jnp.asarray(x, jnp.float32) for x in (A, B, C))


def unit(x):
    return [row / np.sqrt(sum(v * v for v in row)) for row in x]


def cross_entropy(scores, right):
    return -np.log(np.exp(scores[right]) / sum(np.exp(s) for s in scores))


def nt_xent_in_loops(za, zb, t):
    z = unit([*za, *zb])
    n, want = len(za), []
    for i in range(2 * n):
        others = [k for k in range(2 * n) if k != i]
        scores = [z[i] @ z[k] / t for k in others]
        want.append(cross_entropy(scores, others.index((i + n) % (2 * n))))
    return want


def clip_in_loops(image, text, scale):
    u, v = unit(image), unit(text)
    rows = range(len(u))
    return [
        (
            cross_entropy([scale * u[i] @ v[j] for j in rows], i)
            + cross_entropy([scale * v[i] @ u[j] for j in rows], i)
        )
        / 2
        for i in rows
    ]


@pytest.mark.parametrize("t", [0.1, 1.0])
def test_nt_xent_is_the_formula_in_loops(t):
    want = nt_xent_in_loops(A, B, t)
    np.testing.assert_allclose(nt_xent(JA, JB, temperature=t), want, rtol=1e-5)


@pytest.mark.parametrize("t", [0.07, 1.0])
def test_info_nce_is_the_formula_in_loops_and_keys_get_no_gradient(t):
    q, k, n = unit(A), unit(B), unit(C)
    want = [cross_entropy([q[i] @ k[i] / t, *(q[i] @ x / t for x in n)], 0) for i in range(len(q))]
    np.testing.assert_allclose(info_nce(JA, JB, JC, temperature=t), want, rtol=1e-5)
    grads = jax.grad(lambda *a: info_nce(*a, temperature=t).sum(), (0, 1, 2))(JA, JB, JC)
    assert [bool(jnp.any(g != 0)) for g in grads] == [True, False, False]


@pytest.mark.parametrize("log_scale", [0.0, 2.0, 5.0])  # exp(5) is above the cap of 100
def test_clip_is_the_formula_in_loops(log_scale):
    want = clip_in_loops(A, B, min(np.exp(log_scale), 100.0))
    np.testing.assert_allclose(
        clip_loss(JA, JB, jnp.float32(log_scale)), want, rtol=1e-4, atol=1e-5
    )


def test_the_temperature_of_clip_is_learned():
    slope = jax.grad(lambda s: clip_loss(JA, JB, s).mean())(jnp.float32(2.0))
    up, down = (np.mean(clip_in_loops(A, B, np.exp(2 + h))) for h in (1e-4, -1e-4))
    np.testing.assert_allclose(slope, (up - down) / 2e-4, rtol=1e-3)


@pytest.mark.parametrize("margin", [0.5, 3.0])
def test_triplet_is_that_of_torch(margin):
    torch = pytest.importorskip("torch")
    want = torch.nn.functional.triplet_margin_loss(
        *(torch.tensor(x) for x in (A, B, C)), margin=margin, reduction="none"
    )
    np.testing.assert_allclose(triplet(JA, JB, JC, margin=margin), want, rtol=1e-5, atol=1e-6)
    assert (np.count_nonzero(want) < len(want)) == (margin == 0.5)  # the hinge has both sides


@pytest.mark.parametrize("margin", [1.0, 4.0])
def test_pairs_are_the_formula_in_loops(margin):
    same = RNG.random(len(A)) < 0.5
    distance = [np.sqrt(sum((x - y) ** 2)) for x, y in zip(A, B, strict=True)]
    want = [
        d**2 / 2 if s else max(0, margin - d) ** 2 / 2 for d, s in zip(distance, same, strict=True)
    ]
    got = contrastive_pairs(JA, JB, jnp.asarray(same), margin=margin)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_gradients_are_finite_where_points_meet_and_at_zero():
    zero, same = jnp.zeros((4, 3)), jnp.ones(4, bool)
    losses = {
        "nt_xent": lambda z: nt_xent(z, zero),
        "clip": lambda z: clip_loss(z, zero, jnp.float32(0)),
        "triplet": lambda z: triplet(z, zero, zero),
        "pairs": lambda z: contrastive_pairs(z, zero, same),
    }
    for name, loss in losses.items():
        assert np.isfinite(jax.grad(lambda z, f=loss: f(z).sum())(zero)).all(), name


def on_devices(loss, ways):
    """Loss and gradients of a weight over all rows, as a training step averages them."""
    mesh = Mesh(np.array(jax.devices()[:ways]), ("device",))

    def one(weight, scale, a, b):
        def mean(weight, scale):
            return loss(a @ weight, b @ weight, scale).mean()

        return jax.lax.pmean(jax.value_and_grad(mean, (0, 1))(weight, scale), "device")

    rows = P("device")
    call = jax.shard_map(
        one, mesh=mesh, in_specs=(P(), P(), rows, rows), out_specs=P(), check_vma=False
    )
    weight = jnp.asarray(np.random.default_rng(1).normal(size=(8, 5)), jnp.float32)
    return jax.jit(call)(weight, jnp.float32(1.0), JA, JB)


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b, s: nt_xent(a, b, axis_name="device") * s,
        lambda a, b, s: clip_loss(a, b, s, axis_name="device"),
    ],
    ids=["nt_xent", "clip"],
)
def test_eight_devices_equal_one_negatives_included(loss):
    for got, want in zip(
        jax.tree.leaves(on_devices(loss, 8)), jax.tree.leaves(on_devices(loss, 1)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nt_xent(jnp.ones((4, 8)), jnp.ones((3, 8))), r"za, zb.*\(4, 8\).*\(3, 8\)"),
        (lambda: nt_xent(JA, JB, temperature=0.0), "temperature must be > 0"),
        (lambda: clip_loss(JA, JB, jnp.ones(2)), "log_scale must have 0 axes"),
        (lambda: contrastive_pairs(JA, JB, jnp.ones(3, bool)), r"same, pairs.*\(3,\).*\(16,\)"),
    ],
)
def test_an_argument_that_is_refused_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
