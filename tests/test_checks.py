"""What errors say, word for word, and the exit codes that a shell sees."""

import numpy as np
import pytest

from jaxdl import checks


def test_every_kind_of_error_has_its_own_exit_code():
    kinds = [k for k in checks.JaxdlError.__subclasses__() if k.__module__ == checks.__name__]
    assert sorted(kind.code for kind in kinds) == [2, 3, 4, 5, 6, 7, 8]
    assert issubclass(checks.UsageError, ValueError)


def test_the_nearest_names_come_first():
    known = ["momentum", "adam", "adamw", "nesterov"]
    assert checks.nearest("adma", known)[0] == "adam"
    assert checks.nearest("momentun", known) == ["momentum"]
    assert checks.nearest("xyz", known, 2) == ["adam", "adamw"]  # nothing is close
    error = checks.unknown("optim.name", "adma", known, "See docs.")
    assert str(error).startswith("optim.name: there is no 'adma'; did you mean adam")
    assert str(error).endswith("? See docs.")


def test_what_is_not_installed_is_named_with_its_command():
    assert checks.require("math", "math", "a sum").sqrt(4) == 2
    with pytest.raises(checks.UsageError, match=r'a sum needs no_such .*pip install "jaxdl\[x\]"'):
        checks.require("no_such.module", "jaxdl[x]", "a sum")


@pytest.mark.parametrize(
    ("check", "good", "bad", "words"),
    [
        (checks.check_rank, (np.ones(3), 1, 2), (np.ones((2, 3, 4)), 1, 2), r"1 or 2 axes.*\(2, 3"),
        (checks.check_same_shape, (np.ones(3), np.ones(3)), (np.ones(3), np.ones(4)), r"3,.*4,"),
        (checks.check_positive, (1e-9,), (0,), "> 0, got 0"),
        (checks.check_positive, (1,), (float("nan"),), "> 0, got nan"),
        (checks.check_fraction, (1,), (1.5,), r"\[0, 1\], got 1.5"),
        (checks.check_at_least, (2, 2), (1, 2), "at least 2, got 1"),
        (checks.check_one_of, ("a", "ab"), ("c", "ab"), "one of a, b, got 'c'"),
    ],
)
def test_a_check_names_who_and_what_it_got(check, good, bad, words):
    check("who: x", *good)
    with pytest.raises(ValueError, match=f"who: x.*{words}"):
        check("who: x", *bad)
