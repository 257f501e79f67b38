"""The progress line against lines written by hand, on a terminal and elsewhere."""

import io

import pytest

from jaxdl.runs import progress as module
from jaxdl.runs.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands where a test puts it."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_the_rate_counts_examples_over_busy_seconds(clock):
    progress = Progress(100, batch_size=32)
    assert progress.rate() == 0.0
    progress.advance(10, 10, 2.0, {})
    progress.advance(20, 10, 1.0, {})
    assert progress.rate() == pytest.approx(20 * 32 / 3, abs=0.05)


def test_elsewhere_a_plain_line_comes_seldom_and_at_the_end(clock, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    with Progress(100, batch_size=8) as progress:
        progress.advance(10, 10, 1.0, {"loss": 0.5})  # the first line is due at once
        clock[0] += 4
        progress.advance(20, 10, 1.0, {"loss": 0.5})
        progress.show(20, {"loss": 0.5})
        clock[0] += 2
        progress.show(30, {"step": 30, "loss": 0.25, "accuracy": 0.9, "val_loss": 0.3})
        progress.show(100, {"accuracy": 0.9})
    assert out.getvalue() == (
        "step 10/100  80 examples/s  9 s left  loss 0.5000\n"
        "step 30/100  80 examples/s  7 s left  loss 0.2500\n"
        "step 100/100  80 examples/s  0 s left\n"
    )


def test_every_training_loss_of_a_row_is_shown(clock, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    row = {"step": 5, "d_loss": 0.5, "real_score": 0.9, "g_loss": 1.25, "val_g_loss": 7.0}
    with Progress(5, batch_size=1) as progress:
        progress.advance(5, 5, 1.0, row)
    assert out.getvalue() == "step 5/5  5 examples/s  0 s left  d_loss 0.5000  g_loss 1.2500\n"


def test_on_a_terminal_one_line_is_rewritten_and_ended(clock, monkeypatch):
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setattr(module, "_columns", lambda: 12)
    with Progress(10, batch_size=1) as progress:
        progress.say("a long line of text")
        progress.say("short")
    assert out.getvalue() == "\ra long line" + "\rshort      " + "\n"


def test_a_warning_stays_and_the_next_line_comes_below_it(clock, monkeypatch):
    out = Terminal()
    monkeypatch.setattr("sys.stderr", out)
    monkeypatch.setattr(module, "_columns", lambda: 80)
    with Progress(10, batch_size=1) as progress:
        progress.say("step 1")
        progress.keep("mind this")
        progress.keep("and this")
        progress.say("go on")
    assert out.getvalue() == "\rstep 1" + "\nmind this\n" + "and this\n" + "\rgo on" + "\n"


def test_a_reader_that_is_gone_does_not_end_the_run(clock, monkeypatch):
    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    with Progress(10, batch_size=1) as progress:
        progress.say("text")
