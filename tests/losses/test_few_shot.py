"""Scores of few shots against float64 loops of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.few_shot import matching_logits, prototype_logits

RNG = np.random.default_rng(0)
QUERIES, SUPPORT = RNG.normal(size=(7, 6)), RNG.normal(size=(4, 3, 6))
JQ, JS = jnp.asarray(QUERIES, jnp.float32), jnp.asarray(SUPPORT, jnp.float32)


def test_prototypes_are_means_and_scores_squared_distances():
    want = [[-sum((q - sum(c) / len(c)) ** 2) for c in SUPPORT] for q in QUERIES]
    np.testing.assert_allclose(prototype_logits(JQ, JS), want, rtol=1e-5)


@pytest.mark.parametrize("t", [0.2, 1.0])
def test_the_softmax_of_matching_scores_is_the_attention_on_a_class(t):
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
    for q, got in zip(
        QUERIES, jax.nn.softmax(matching_logits(JQ, JS, temperature=t), axis=1), strict=True
    ):
        weights = {(k, i): np.exp(cosine(q, SUPPORT[k, i]) / t) for k, i in np.ndindex(4, 3)}
        total = sum(weights.values())
        want = [sum(w for (c, _), w in weights.items() if c == k) / total for k in range(4)]
        np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("scores", [prototype_logits, matching_logits])
def test_another_width_is_refused(scores):
    with pytest.raises(ValueError, match=r"one D, got \(7, 6\) and \(4, 3, 5\)"):
        scores(JQ, JS[..., :5])
