"""Analogies, neighbors and the association test against float64 loops from the papers."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxdl.language.word_relations import associate, nearest_rows, solve_analogies

DRAW = np.random.default_rng(0)
TABLE = DRAW.normal(size=(40, 6)).astype(np.float32)


def cosine(u, v):
    u, v = np.asarray(u, float), np.asarray(v, float)
    return sum(u * v) / np.sqrt(sum(u * u) * sum(v * v))


def test_nearest_rows_are_scikit_learns():
    judge = NearestNeighbors(n_neighbors=5, metric="cosine").fit(TABLE)
    want = judge.kneighbors(TABLE[3:4], return_distance=False)[0]
    assert want[0] == 3
    np.testing.assert_array_equal(nearest_rows(TABLE, TABLE[3], 5), want)
    np.testing.assert_array_equal(nearest_rows(TABLE, TABLE[3], 4, without=[3]), want[1:])
    with pytest.raises(ValueError, match="nearest_rows: count"):
        nearest_rows(TABLE, TABLE[3], 0)


@pytest.mark.parametrize("block", [4, 512])
def test_an_analogy_is_the_best_of_all_other_words(block):
    questions = np.stack([DRAW.choice(40, 3, replace=False) for _ in range(11)])
    got = solve_analogies(TABLE, questions, block=block)
    for (a, b, c), answer in zip(questions, got, strict=True):
        scores = {
            d: cosine(TABLE[d], TABLE[b]) - cosine(TABLE[d], TABLE[a]) + cosine(TABLE[d], TABLE[c])
            for d in range(40)
            if d not in (a, b, c)
        }
        assert answer == max(scores, key=lambda d: scores[d])


@pytest.mark.parametrize("draws", [100_000, 500])
def test_association_is_the_formula_in_loops(draws):
    draw = np.random.default_rng(2)
    x, y, a, b = (draw.normal(size=(n, 6)) for n in (6, 6, 4, 3))
    x[:, 0] += 1.0
    a[:, 0] += 1.0

    def s(w):
        return np.mean([cosine(w, v) for v in a]) - np.mean([cosine(w, v) for v in b])

    values = [s(w) for w in [*x, *y]]
    spread = np.sqrt(sum((v - np.mean(values)) ** 2 for v in values) / 11)
    effect = (np.mean(values[:6]) - np.mean(values[6:])) / spread
    statistic = sum(values[:6]) - sum(values[6:])
    ways = list(combinations(range(12), 6))
    larger = 0
    for way in ways:
        rest = [i for i in range(12) if i not in way]
        other = sum(values[i] for i in way) - sum(values[i] for i in rest)
        larger += other >= statistic - 1e-12
    got = associate(x, y, a, b, draws=draws)
    assert got.statistic == pytest.approx(statistic)
    assert got.effect == pytest.approx(effect)
    assert got.exact == (draws == 100_000)
    assert 0 < got.p_value < 1
    assert got.p_value == pytest.approx(larger / len(ways), abs=1e-12 if got.exact else 0.05)


def test_groups_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="equally many, 2 or more: 3, 2"):
        associate(TABLE[:3], TABLE[:2], TABLE[:1], TABLE[:1])
    with pytest.raises(ValueError, match="a and b must have words"):
        associate(TABLE[:3], TABLE[3:6], TABLE[:0], TABLE[:1])
