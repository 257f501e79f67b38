"""How queries of an episode are scored against the support of its classes, and what is learned.

Siamese networks (Koch et al. 2015) embed both pictures by the same weights: here they learn by the
triplet or the contrastive loss over unit vectors, and answer by the nearest support.
"""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp

from jaxdl.checks import UsageError, check_one_of
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.losses.contrastive import contrastive_pairs, triplet
from jaxdl.losses.few_shot import matching_logits, prototype_logits
from jaxdl.ops.distance import unit_rows
from jaxdl.typing import Array

METHODS = ("prototypical", "matching", "triplet", "contrastive")
Scores = Callable[[Array, Array], Array]  # (queries (Q, D), support (K, S, D)) -> (Q, K)


def score_by(method: str, *, temperature: float = 0.1) -> Scores:
    """The scores of a method: of prototypes, of matching networks at `temperature`, or minus the
    squared distance of unit vectors."""
    check_one_of("method", method, METHODS)
    if method == "matching":
        return partial(matching_logits, temperature=temperature)
    if method == "prototypical":
        return prototype_logits
    return lambda queries, support: prototype_logits(unit_rows(queries), unit_rows(support))


def episode_loss(
    method: str,
    queries: Array,
    support: Array,
    label: Array,
    *,
    temperature: float = 0.1,
    margin: float = 0.5,
) -> Array:
    """The loss of each query `(Q, D)` of class `label` `(Q,)`, given `support` `(K, S, D)`: `(Q,)`.

    prototypical, matching: cross-entropy of the scores. triplet: of the query, its own class's
    support and the nearest of another class, `margin` apart. contrastive: the mean of both pairs.
    The last two need one example of a class, and take unit vectors.
    """
    check_one_of("method", method, METHODS)
    if method in ("prototypical", "matching"):
        return softmax_cross_entropy(
            score_by(method, temperature=temperature)(queries, support), label
        )
    if support.shape[1] != 1:
        raise UsageError(f"method {method} compares pairs: episode.shots must be 1")
    queries, support = unit_rows(queries), unit_rows(support)
    scores = prototype_logits(queries, support)
    own = label[:, None] == jnp.arange(len(support))[None]
    wrong = support[jnp.argmax(jnp.where(own, -jnp.inf, scores), axis=1), 0]
    right = support[label, 0]
    if method == "triplet":
        return triplet(queries, right, wrong, margin=margin)
    same = jnp.ones(len(queries), bool)
    near = contrastive_pairs(queries, right, same, margin=margin)
    return (near + contrastive_pairs(queries, wrong, ~same, margin=margin)) / 2
