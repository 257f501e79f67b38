"""`jaxdl models`: patterns, parts of names, and near names."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import models
from tests.commands.asking import ask


@pytest.mark.parametrize(("pattern", "count"), [("squeezenet*", 2), ("squeeze", 2), ("lenet", 1)])
def test_models_lists_what_fits(pattern, count, capsys):
    assert ask(models, pattern) == 0
    assert len(capsys.readouterr().out.splitlines()) == count + 2


def test_a_name_that_there_is_not_gets_near_ones():
    with pytest.raises(UsageError, match="did you mean resnet18"):
        ask(models, "resnte18")
