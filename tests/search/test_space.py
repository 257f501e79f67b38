"""What a search tries: the order of a grid, the law of the draws, and what is refused."""

import numpy as np
import pytest
import scipy.stats

from jaxdl.checks import UsageError
from jaxdl.search.space import draws, enumerate_settings


def values(spec, count, seed=0, **options):
    found = enumerate_settings([], [spec], count, seed, **options)
    return np.array([float(setting[spec.partition("=")[0]]) for setting in found])


def test_draws_are_log_uniform():
    drawn = values("optim.lr=1e-4:1e-1", 2000)
    law = scipy.stats.loguniform(1e-4, 1e-1)
    assert scipy.stats.kstest(drawn, law.cdf).pvalue > 0.01
    assert scipy.stats.kstest(drawn, scipy.stats.uniform(1e-4, 0.1).cdf).pvalue < 1e-9


def test_draws_are_uniform_where_asked():
    drawn = values("optim.momentum=0.5:0.99:linear", 2000)
    assert scipy.stats.kstest(drawn, scipy.stats.uniform(0.5, 0.49).cdf).pvalue > 0.01


def test_draws_of_two_names_are_independent_and_follow_the_seed():
    shares = draws(2000, 2, 0)
    assert abs(scipy.stats.spearmanr(shares).statistic) < 0.06
    assert (draws(2000, 2, 0) == shares).all()
    assert (draws(500, 2, 0) == shares[:500]).all()  # a longer search begins as the shorter one
    assert (draws(2000, 2, 1) != shares).any()


def test_whole_numbers_are_rounded_and_each_is_tried_once():
    drawn = values("model.hidden=4:9", 60, whole=["model.hidden"])
    assert sorted(drawn) == [4, 5, 6, 7, 8, 9]


def test_the_last_name_of_a_grid_varies_fastest():
    found = enumerate_settings(["optim.lr=0.1,0.01", "--optim.weight-decay=0,1e-4"], [], 0, 0)
    pairs = [("0.1", "0"), ("0.1", "1e-4"), ("0.01", "0"), ("0.01", "1e-4")]
    assert [tuple(setting.values()) for setting in found] == pairs
    assert list(found[0]) == ["optim.lr", "optim.weight_decay"]


def test_each_draw_meets_each_point_of_a_grid():
    found = enumerate_settings(["model.hidden=8,16"], ["optim.lr=1e-3:1"], 3, 0)
    assert len(found) == 6
    assert len({setting["optim.lr"] for setting in found}) == 3


@pytest.mark.parametrize(
    ("grid", "random", "words"),
    [
        ([], [], "give --grid"),
        (["optim.lr"], [], "NAME=VALUE"),
        (["optim.lr="], [], "NAME=VALUE"),
        (["optim.lr=1,,2"], [], "empty value"),
        (["optim.lr=1,1"], [], "twice"),
        (["a=1", "a=2"], [], "searched twice"),
        ([], ["a=0:1"], "LOW must be > 0.*linear"),
        ([], ["a=2:1"], "LOW must be below HIGH"),
        ([], ["a=1:inf"], "LOW must be below HIGH"),
        ([], ["a=1"], "two numbers"),
        ([], ["a=1:2:cubic"], "log or linear"),
    ],
)
def test_what_cannot_be_searched_is_refused(grid, random, words):
    with pytest.raises(UsageError, match=words):
        enumerate_settings(grid, random, 4, 0)
