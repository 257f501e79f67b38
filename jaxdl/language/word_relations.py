"""What vectors of words tell: nearest words, analogies, and associations between groups of words.

Vectors are host arrays, computed with in float64; cosines are of vectors as they are, not centered.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from jaxdl.checks import check_at_least
from jaxdl.typing import Host


def unit(vectors: Host) -> Host:
    """v / |v|, float64, `(..., D)`; a vector of zeros stays."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def nearest_rows(table: Host, query: Host, count: int, *, without: Sequence[int] = ()) -> Host:
    """The `count` rows of `table` `(N, D)` with the largest cosine to `query` `(D,)`, best first;
    never one of `without`."""
    check_at_least("nearest_rows: count", count, 1)
    cosine = unit(table) @ unit(query)
    cosine[list(without)] = -np.inf
    return np.argsort(-cosine, kind="stable")[:count]


def solve_analogies(table: Host, questions: Host, *, block: int = 512) -> Host:
    """a is to b as c is to the returned row: argmax_d cos(d, b) - cos(d, a) + cos(d, c), d none of
    a, b, c (3CosAdd, Mikolov et al. 2013, as Levy and Goldberg 2014, W14-1618, eq. 1).

    Args: `table` `(N, D)`, `questions` `(Q, 3)`, rows a, b, c. Returns: `(Q,)`.
    """
    rows = unit(table)
    made = []
    for start in range(0, len(questions), block):
        a, b, c = questions[start : start + block].T
        scores = (rows[b] - rows[a] + rows[c]) @ rows.T
        np.put_along_axis(scores, questions[start : start + block], -np.inf, axis=1)
        made.append(scores.argmax(axis=1))
    return np.concatenate(made)


class Association(NamedTuple):
    """What `associate` measures."""

    statistic: float
    """sum_x s(x) - sum_y s(y)."""
    effect: float
    """Difference of the means of s, in deviations of s over both groups: -2 to 2."""
    p_value: float
    """The share of ways to divide the words into two groups of these sizes whose statistic is
    larger, or as large."""
    exact: bool
    """Whether all ways were counted, or random ones."""


def associate(
    x: Host, y: Host, a: Host, b: Host, *, draws: int = 100_000, seed: int = 0
) -> Association:
    """The Word Embedding Association Test (Caliskan et al. 2017, arXiv 1608.07187, supplement):
    whether words x lie nearer to a than to b, more than words y do.

    s(w) = mean_a cos(w, a) - mean_b cos(w, b); effect = (mean_x s - mean_y s) / std_{x and y} s,
    the deviation with n - 1, as in the authors' code. The p-value is one-sided, over all divisions
    of x and y where there are no more than `draws`, else over `draws` random ones and the real one.

    Args: `(n, D)` each, x and y of two words or more, equally many, else ValueError.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"associate: x and y must be equally many, 2 or more: {len(x)}, {len(y)}")
    if min(len(a), len(b)) < 1:
        raise ValueError("associate: a and b must have words")
    words = unit(np.concatenate([x, y]))
    s = (words @ unit(a).T).mean(axis=1) - (words @ unit(b).T).mean(axis=1)
    half, total = len(x), s.sum()
    statistic = s[:half].sum() - s[half:].sum()
    effect = (s[:half].mean() - s[half:].mean()) / s.std(ddof=1)
    exact = comb(len(s), half) <= draws
    if exact:
        chosen = np.array(list(combinations(range(len(s)), half)))
    else:
        order = np.random.default_rng(seed).random((draws, len(s))).argsort(axis=1)[:, :half]
        chosen = np.concatenate([np.arange(half)[None], order])
    others = 2 * s[chosen].sum(axis=1) - total
    p_value = np.mean(others >= statistic - 1e-12)
    return Association(float(statistic), float(effect), float(p_value), exact)
