"""One line on stderr, once: whether it can be written or not."""

import sys

from jaxdl.say import introduce, introduced, say_once


def test_a_line_is_said_once(capsys):
    for line in ("a choice", "a choice", "another"):
        say_once(line)
    assert capsys.readouterr().err == "a choice\nanother\n"


class Full:
    """A stream on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_nobody_listening_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Full())
    say_once("a line that cannot be written")


def test_the_first_data_set_of_a_run_is_said_with_its_device(capsys):
    introduce("outside of a run")
    with introduced("cpu: cpu"):
        introduce("digits: 9 rows")
        introduce("another")
    introduce("after it")
    assert capsys.readouterr().err == "digits: 9 rows; on cpu: cpu\n"
