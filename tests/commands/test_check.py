"""`jaxdl check` of what has nothing to check; its verdicts are judged in tests/diagnose."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.commands import check
from tests.commands.asking import ask


def test_an_experiment_without_a_task_is_refused():
    with pytest.raises(UsageError, match=r"check digits_knn: classic\.neighbors has no Task"):
        ask(check, "digits_knn")
