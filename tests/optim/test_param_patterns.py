"""Patterns of parameters against Python's own shell patterns, the last that fits deciding."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.param_patterns import match_paths

PARAMS = {"stem": {"kernel": 0, "bias": 0}, "head": {"kernel": 0, "bias": 0}}


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], set()),
        (["*"], {"stem/kernel", "stem/bias", "head/kernel", "head/bias"}),
        (["*kernel"], {"stem/kernel", "head/kernel"}),
        (["*kernel", "!head/*"], {"stem/kernel"}),
        (["!head/*", "*kernel"], {"stem/kernel", "head/kernel"}),  # the last one decides
        (["stem/[bk]*"], {"stem/kernel", "stem/bias"}),
    ],
)
def test_the_last_pattern_that_fits_decides(patterns, chosen):
    got = match_paths("optim.decay", PARAMS, patterns)
    assert {f"{a}/{b}" for a in got for b in got[a] if got[a][b]} == chosen


def test_a_pattern_that_fits_nothing_gets_the_nearest_path():
    with pytest.raises(UsageError, match=r"optim.decay: .* 'haed/kernel'; there are head/kernel"):
        match_paths("optim.decay", PARAMS, ["haed/kernel"])
