"""Both modes, of first and second order, under `vmap` and `jax.checkpoint`, judged by differences
and by one another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.ops.float_cases import CASES, arguments

OWN = [  # ops with rules of their own
    name
    for name in CASES
    if name.startswith(("conv", "max_pool", "lookup", "rnn_scan", "dense_matmul"))
]


def flat(tree):
    return jnp.concatenate([x.ravel() for x in jax.tree.leaves(tree)])


def scalar(name):
    """A number with curvature of the op's results, of float64 arguments."""
    op = CASES[name][0]
    return lambda *args: jnp.sum(jnp.sin(flat(op(*args))))


@pytest.fixture(autouse=True)
def doubles():
    with jax.enable_x64(True):
        yield


def doubled(name, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=x.shape) for x in arguments(name)]


@pytest.mark.parametrize("name", OWN)
def test_both_modes_are_the_slope_of_differences(name):
    f, args, way = scalar(name), doubled(name), doubled(name, 1)
    small = 1e-6
    ahead, behind = ([a + s * b for a, b in zip(args, way, strict=True)] for s in (small, -small))
    slope = (f(*ahead) - f(*behind)) / (2 * small)
    _, forward = jax.jit(lambda a, b: jax.jvp(f, a, b))(args, way)
    grads = jax.jit(jax.grad(f, tuple(range(len(args)))))(*args)
    np.testing.assert_allclose(forward, slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(flat(grads) @ flat(way), forward, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", OWN)
def test_second_derivatives_agree_in_all_orders_of_modes(name):
    f, args, way = scalar(name), doubled(name), doubled(name, 1)
    grad = jax.grad(f, tuple(range(len(args))))
    forward = jax.jit(lambda: jax.jvp(grad, tuple(args), tuple(way))[1])()
    reverse = jax.jit(jax.grad(lambda *a: flat(grad(*a)) @ flat(way), tuple(range(len(args)))))
    slope = lambda *a: jax.jvp(f, a, tuple(way))[1]  # noqa: E731
    inside = jax.jit(jax.grad(slope, tuple(range(len(args)))))
    small = 1e-6
    ahead, behind = ([a + s * b for a, b in zip(args, way, strict=True)] for s in (small, -small))
    differences = (flat(grad(*ahead)) - flat(grad(*behind))) / (2 * small)
    for found in (forward, reverse(*args), inside(*args)):
        np.testing.assert_allclose(flat(found), differences, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OWN)
def test_rows_under_vmap_are_calls_one_by_one(name):
    op, sets = CASES[name][0], [doubled(name, seed) for seed in range(3)]
    grad = jax.grad(scalar(name), tuple(range(len(sets[0]))))
    for shared in range(len(sets[0]) + 1):  # all in rows, or one of them for all
        given = [
            sets[0][i] if i == shared else np.stack([s[i] for s in sets])
            for i in range(len(sets[0]))
        ]
        axes = tuple(None if i == shared else 0 for i in range(len(given)))
        if set(axes) == {None}:
            continue
        for f in (op, grad):
            many = jax.jit(jax.vmap(f, axes))(*given)
            for row, own in enumerate(sets):
                one = f(*(sets[0][i] if i == shared else own[i] for i in range(len(own))))
                np.testing.assert_allclose(
                    flat(jax.tree.map(lambda x, row=row: x[row], many)), flat(one), atol=1e-9
                )
        total = jax.grad(lambda *a, f=op, axes=axes: jnp.sum(jnp.sin(flat(jax.vmap(f, axes)(*a)))),
                         tuple(range(len(given))))(*given)  # fmt: skip
        for i, found in enumerate(total):
            rows = [
                grad(*(sets[0][j] if j == shared else own[j] for j in range(len(own))))[i]
                for own in sets
            ]
            want = sum(rows) if i == shared else np.stack(rows)
            np.testing.assert_allclose(found, want, atol=1e-9)


@pytest.mark.parametrize("name", OWN)
def test_checkpoint_and_loops_change_nothing(name):
    f, args = scalar(name), doubled(name)
    want = jax.grad(f)(*args)
    np.testing.assert_allclose(jax.jit(jax.grad(jax.checkpoint(f)))(*args), want, atol=1e-9)

    def looped(*args):
        return jax.lax.scan(lambda c, _: (c + f(*args), None), 0.0, length=2)[0]

    np.testing.assert_allclose(jax.jit(jax.grad(looped))(*args), 2 * want, atol=1e-9)
