"""`jaxdl doctor` against what is installed, and pairs of versions that do not work."""

import jax

from jaxdl.commands import doctor
from tests.commands.asking import ask


def test_doctor_names_versions_and_caches(capsys):
    assert ask(doctor) == 0
    out = capsys.readouterr().out
    assert f"jax {jax.__version__}" in out
    assert "no known problem" in out


def test_versions_that_do_not_go_together_are_named():
    assert doctor.bad_pairs({"jax": "0.10.1", "jaxlib": "0.10.2"}) == []
    (problem,) = doctor.bad_pairs({"jax": "0.10.1", "jaxlib": "0.9.2"})
    assert "0.10.1" in problem
    assert "0.9.2" in problem
    (problem,) = doctor.bad_pairs({"orbax-checkpoint": "0.13.0"})
    assert "orbax-checkpoint must be 0.12.x" in problem
