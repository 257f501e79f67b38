"""`jaxdl sweep`: its own words are told from the fields of the config."""

import argparse

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import sweep
from tests.commands.asking import ask


def test_the_words_of_a_search_say_it_again():
    parser = argparse.ArgumentParser()
    sweep.add_arguments(parser)
    given = ["--grid", "optim.lr=1,2", "--random", "seed=1:3", "--trials", "4", "--by", "val_loss"]
    search, words = sweep.read_search(parser.parse_args(["digits_mlp", *given]))
    assert words == given
    assert (search.grid, search.random) == (("optim.lr=1,2",), ("seed=1:3",))
    assert (search.trials, search.search_seed, search.by) == (4, 0, "val_loss")


def test_what_trains_nothing_is_not_searched(tmp_path):
    with pytest.raises(UsageError, match=r"sweep digits_knn: classic\.neighbors has no Task"):
        ask(sweep, "digits_knn", "--grid", "k=1,2", "--run-dir", tmp_path / "run")
    assert not (tmp_path / "run").exists()
