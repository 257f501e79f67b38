"""How often what belongs to a query is among the first that are found."""

import numpy as np

from jaxdl.checks import check_at_least
from jaxdl.typing import Host


def recall_at(scores: Host, match: Host, k: int) -> float:
    """The share of queries that have a match among their `k` highest scores.

    Args: `scores` `(N, M)` of N queries and M candidates, `match` `(N, M)` bool, one or more of
    them right in each row; of equal scores the earlier candidate comes first. A query without any
    match is not counted.
    """
    check_at_least("recall_at: k", k, 1)
    if scores.ndim != 2 or scores.shape != match.shape:
        raise ValueError(
            f"recall_at: scores and match must be (N, M), got {scores.shape} and {match.shape}"
        )
    asked = match.any(axis=1)
    if not asked.any():
        raise ValueError("recall_at: no query has a match")
    order = np.argsort(-scores[asked], axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(match[asked], order, axis=1).any(axis=1).mean())
