"""Attention, positions and lookup against worked examples, loops and torch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.attention import (
    additive_scores,
    causal_mask,
    length_mask,
    masked_softmax,
    scaled_dot_product,
)
from jaxdl.ops.embedding_lookup import lookup
from jaxdl.ops.position_encoding import rotary_embedding, sincos_grid, sincos_table


def test_the_worked_example():
    q = np.array([[1, 0.8]], np.float32)
    k = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.9]], np.float32)
    v = np.array([[1, 0.1], [0.9, 0.2], [0.8, 0.3]], np.float32)
    y, weights = scaled_dot_product(q, k, v)
    np.testing.assert_allclose(weights, [[0.298426, 0.294235, 0.407340]], atol=1e-6)
    np.testing.assert_allclose(y, [[0.889109, 0.210891]], atol=1e-6)


def test_masked_positions_weigh_nothing_and_no_row_is_nan():
    scores = jnp.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    mask = jnp.array([[True, True, False], [False, False, False]])
    e = np.exp([1.0, 2.0])
    want = [[*(e / e.sum()), 0], [0, 0, 0]]
    np.testing.assert_allclose(masked_softmax(scores, mask), want, atol=1e-6)
    grads = jax.grad(lambda s: jnp.sum(masked_softmax(s, mask) ** 2))(scores)
    assert np.isfinite(grads).all()
    np.testing.assert_array_equal(grads[:, 2], 0)


def test_additive_scores_in_loops():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=4)
    want = np.zeros((2, 3, 5))
    for b, m, n in np.ndindex(2, 3, 5):
        want[b, m, n] = v @ np.tanh(q[b, m] + k[b, n])
    got = additive_scores(jnp.float32(q), jnp.float32(k), jnp.float32(v))
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_masks():
    np.testing.assert_array_equal(causal_mask(3), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(length_mask(jnp.array([0, 2]), 3), [[0, 0, 0], [1, 1, 0]])


@pytest.mark.parametrize("temperature", [10000.0, 100.0])
def test_sines_and_cosines_in_loops(temperature):
    table = sincos_table(7, 6, temperature=temperature)
    for t, k in np.ndindex(7, 3):
        angle = t / temperature ** (2 * k / 6)
        np.testing.assert_allclose(table[t, 2 * k], np.sin(angle), atol=1e-6)
        np.testing.assert_allclose(table[t, 2 * k + 1], np.cos(angle), atol=1e-6)


@pytest.mark.parametrize("temperature", [10000.0, 20.0])
def test_a_cell_of_a_grid_has_the_sines_of_y_then_of_x(temperature):
    table = sincos_grid(3, 4, 8, temperature=temperature)
    for y, x, half, k in np.ndindex(3, 4, 2, 2):
        part = (x + 1) / 4 if half else (y + 1) / 3
        angle = 2 * np.pi * part / temperature ** (2 * k / 4)
        pair = table[4 * y + x, 4 * half + 2 * k :][:2]
        np.testing.assert_allclose(pair, [np.sin(angle), np.cos(angle)], atol=1e-6)


def test_rotated_products_depend_on_the_distance_alone():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 1, 8)).astype(np.float32)
    product = lambda s, t: float(  # noqa: E731
        (
            rotary_embedding(jnp.array(q), jnp.array([s]))
            @ rotary_embedding(jnp.array(k), jnp.array([t])).T
        )[0, 0]
    )
    np.testing.assert_allclose(product(5, 3), product(12, 10), atol=1e-5)
    assert abs(product(5, 3) - product(5, 4)) > 1e-3
    np.testing.assert_allclose(rotary_embedding(jnp.array(q), jnp.array([0])), q, atol=1e-7)
    for i in range(4):  # a complex product, pair by pair
        z = (q[0, 2 * i] + 1j * q[0, 2 * i + 1]) * np.exp(3j / 10000 ** (2 * i / 8))
        got = rotary_embedding(jnp.array(q), jnp.array([3]))[0, 2 * i : 2 * i + 2]
        np.testing.assert_allclose(got, [z.real, z.imag], atol=1e-5)


def test_lookup_and_its_gradient_are_torchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    table, ids = rng.normal(size=(5, 3)).astype(np.float32), np.array([[1, 4, 1], [0, 1, 1]])
    embed = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze=False)
    want = embed(torch.tensor(ids))
    (want**3).sum().backward()
    np.testing.assert_array_equal(lookup(jnp.array(table), ids), want.detach().numpy())
    grads = jax.grad(lambda t: jnp.sum(lookup(t, ids) ** 3))(jnp.array(table))
    np.testing.assert_allclose(grads, embed.weight.grad.numpy(), atol=1e-5)


def test_errors_name_the_shapes():
    with pytest.raises(ValueError, match=r"must fit, got \(2, 3\), \(4, 5\), \(4, 5\)"):
        scaled_dot_product(jnp.ones((2, 3)), jnp.ones((4, 5)), jnp.ones((4, 5)))
    with pytest.raises(ValueError, match="must have the 3 axes"):
        masked_softmax(jnp.ones((1, 2, 3)), jnp.ones((2, 3), bool))
    with pytest.raises(ValueError, match="width must be even, got 3"):
        sincos_table(2, 3)
    with pytest.raises(ValueError, match="divide by 4, got 6"):
        sincos_grid(2, 3, 6)
