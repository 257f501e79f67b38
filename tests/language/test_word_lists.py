"""Lists of words as the papers have them: counted, paired, none twice."""

import pytest

from jaxdl.language.word_lists import ASSOCIATIONS, RELATIONS


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_is_of_pairs_of_different_words(name):
    pairs = [pair.split() for pair in RELATIONS[name].split(",")]
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in pairs)
    assert len({first for first, _ in pairs}) == len({second for _, second in pairs}) == len(pairs)


@pytest.mark.parametrize("name", ASSOCIATIONS)
def test_groups_have_the_sizes_of_the_paper(name):
    groups = [group.split() for group in ASSOCIATIONS[name][:4]]
    size = 25 if name in ("flowers", "instruments") else 8
    assert [len(set(group)) for group in groups] == [len(group) for group in groups] == [size] * 4
