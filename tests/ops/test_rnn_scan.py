"""A recurrent loop against NumPy's, step by step, and its gradient against the unrolled one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.rnn_scan import advance, rnn_scan

RNG = np.random.default_rng(0)
T, B, H = 5, 3, 4
WH, ZX = RNG.normal(size=(H, H)), RNG.normal(size=(T, B, H))
START = (RNG.normal(size=(B, H)), RNG.normal(size=(B, H)))
KEPT = RNG.random((T, B)) < 0.6


def point(state, zx, zh):
    """h' = tanh(zx + zh), and the sum of all h beside it."""
    h = jnp.tanh(zx + zh)
    return h, state[1] + h


def unrolled(wh, start, zx, kept, reverse: bool):
    """The same in plain steps, of jax.numpy or NumPy arrays."""
    state, out = start, {}
    for t in reversed(range(T)) if reverse else range(T):
        h = jnp.tanh(zx[t] + state[0] @ wh)
        keep = np.ones((B, 1), bool) if kept is None else kept[t][:, None]
        state = tuple(jnp.where(keep, a, b) for a, b in zip((h, state[1] + h), state, strict=True))
        out[t] = state[0]
    return jnp.stack([out[t] for t in range(T)]), state


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kept", [None, KEPT])
def test_values_and_gradients_are_those_of_the_unrolled_loop(kept, reverse):
    arrays = jax.tree.map(jnp.float32, (WH, START, ZX))
    weights = jnp.asarray(RNG.normal(size=(T, B, H)), jnp.float32)

    def total(results: Any):
        h, last = results
        return (h * weights).sum() + (last[0] ** 2).sum() + (last[1] * last[0]).sum()

    def scan(wh, start, zx):
        return total(rnn_scan(point, reverse, wh, start, zx, kept))

    def loop(wh, start, zx):
        return total(unrolled(wh, start, zx, kept, reverse))

    got, want = (jax.jit(jax.value_and_grad(f, (0, 1, 2)))(*arrays) for f in (scan, loop))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, want)


def test_one_step_alone_is_the_first_of_the_loop():
    wh, start, zx = jax.tree.map(jnp.float32, (WH, START, ZX))
    results: Any = rnn_scan(point, False, wh, start, zx, None)
    h = results[0]
    np.testing.assert_allclose(advance(point, wh, start, zx[0])[0], h[0], rtol=1e-5)
    np.testing.assert_allclose(h[0], np.tanh(ZX[0] + START[0] @ WH), rtol=1e-4, atol=1e-5)
