"""One line on stderr, once: whether it can be written or not."""

import sys

from jaxdl.say import say_once


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
