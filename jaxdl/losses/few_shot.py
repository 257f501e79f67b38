"""Scores of queries against a few examples of each class; the loss is their cross-entropy."""

import jax
import jax.numpy as jnp

from jaxdl.checks import check_positive, check_rank
from jaxdl.ops.distance import squared_euclidean, unit_rows
from jaxdl.typing import Array


def prototype_logits(queries: Array, support: Array) -> Array:
    """-|q - c_k|^2, c_k the mean of class k (Snell et al. 2017, arXiv 1703.05175, eq. 1 and 2).

    Args: `queries` `(Q, D)`, `support` `(K, S, D)`: S examples of each class. Returns: `(Q, K)`.
    """
    _check("prototype_logits", queries, support)
    return -squared_euclidean(queries, jnp.mean(support, axis=1))


def matching_logits(queries: Array, support: Array, *, temperature: float = 1.0) -> Array:
    """Scores whose softmax is sum_{i of class k} a(q, x_i), a = softmax over all of cos(q, x_i) / t
    (matching networks, Vinyals et al. 2016, arXiv 1606.04080, eq. 1, without its context; t = 1).

    Args: `queries` `(Q, D)`, `support` `(K, S, D)`: S examples of each class. Returns: `(Q, K)`.
    """
    _check("matching_logits", queries, support)
    check_positive("matching_logits: temperature", temperature)
    classes, shots, width = support.shape
    examples = unit_rows(support.reshape(-1, width))
    scores = unit_rows(queries) @ examples.T / temperature
    return jax.nn.logsumexp(scores.reshape(-1, classes, shots), axis=2)


def _check(who: str, queries: Array, support: Array) -> None:
    check_rank(f"{who}: queries", queries, 2)
    check_rank(f"{who}: support", support, 3)
    if queries.shape[1] != support.shape[2]:
        raise ValueError(
            f"{who}: queries (Q, D) and support (K, S, D) must have one D, got {queries.shape} and "
            f"{support.shape}"
        )
