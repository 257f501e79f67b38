"""Losses and scores of an episode against float64 loops over classes and queries."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.selfsup.episode_losses import METHODS, episode_loss, score_by

DRAW = np.random.default_rng(0)
QUERIES, SUPPORT = DRAW.normal(size=(7, 4)), DRAW.normal(size=(5, 1, 4))
LABEL = DRAW.integers(0, 5, 7)
ARRAYS = [jnp.asarray(x, jnp.float32) for x in (QUERIES, SUPPORT)]


def unit(v):
    return v / np.linalg.norm(v)


def apart(q, k):
    return np.linalg.norm(unit(QUERIES[q]) - unit(SUPPORT[k, 0]))


def log_share(scores, label):
    return np.log(sum(np.exp(s - scores[label]) for s in scores))


def want(method, temperature, margin):
    losses = []
    for q, label in enumerate(LABEL):
        if method == "prototypical":
            scores = [-sum((QUERIES[q] - s[0]) ** 2) for s in SUPPORT]
        else:
            scores = [unit(QUERIES[q]) @ unit(s[0]) / temperature for s in SUPPORT]
        near, wrong = apart(q, label), min(apart(q, k) for k in range(5) if k != label)
        losses.append(
            {
                "prototypical": lambda s=scores, k=label: log_share(s, k),
                "matching": lambda s=scores, k=label: log_share(s, k),
                "triplet": lambda a=near, b=wrong: max(0, a - b + margin),
                "contrastive": lambda a=near, b=wrong: (a**2 + max(0, margin - b) ** 2) / 4,
            }[method]()
        )
    return losses


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("temperature", "margin"), [(0.1, 0.5), (1.0, 2.0)])
def test_each_loss_is_its_formula(method, temperature, margin):
    got = episode_loss(method, *ARRAYS, LABEL, temperature=temperature, margin=margin)
    np.testing.assert_allclose(got, want(method, temperature, margin), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_scores_rank_by_distance(method):
    scores = np.asarray(score_by(method)(*ARRAYS))
    for q in range(7):
        far = [apart(q, k) for k in range(5)]
        if method == "prototypical":
            far = [np.linalg.norm(QUERIES[q] - s[0]) for s in SUPPORT]
        np.testing.assert_array_equal(np.argsort(-scores[q]), np.argsort(far))


def test_pairs_are_of_one_shot():
    two = jnp.concatenate([ARRAYS[1]] * 2, axis=1)
    with pytest.raises(UsageError, match=r"triplet compares pairs: episode.shots must be 1"):
        episode_loss("triplet", ARRAYS[0], two, LABEL)
