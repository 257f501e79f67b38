"""A run that the tests of several commands look at."""

import pytest

from jaxdl.commands import run
from tests.commands.asking import ask

MLP = ["digits_mlp", "--loop.epochs", "6", "--model.hidden", "16"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run folder of a small network."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    name, *fields = MLP
    assert ask(run, "--config", name, *fields, "--run-dir", folder) == 0
    return folder
