"""Each rule has its own options and refuses what cannot be; what it says is written by hand."""

import dataclasses

import pytest

from jaxdl.checks import UsageError
from jaxdl.classification.task import ClassifierConfig
from jaxdl.config import parse, to_table
from jaxdl.optim.config import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    OptimConfig,
    switch_rule,
)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("adam", {"lr": -1.0}, "optim.lr must be >= 0, got -1.0"),
        ("adamm", {}, "optim.name must be one of sgd, momentum, .*adam.*'adamm'"),
        ("sgd", {"schedule": "cos"}, "optim.schedule must be one of .*cosine"),
        ("momentum", {"momentum": 1.5}, "optim.momentum must lie in"),
        ("adam", {"b2": -0.1}, "optim.b2 must lie in"),
        ("adam", {"b1": 1.0}, r"optim.b1 must lie in \[0, 1\), got 1.0"),
        ("adamw", {"b2": 1.0}, r"optim.b2 must lie in \[0, 1\), got 1.0"),
        ("sgd", {"ema": 1.0}, r"optim.ema must lie in \[0, 1\), got 1.0"),
        ("rmsprop", {"rmsprop_decay": 1.0}, r"optim.rmsprop_decay must lie in \[0, 1\), got 1.0"),
        ("rmsprop", {"rmsprop_decay": 2.0}, "optim.rmsprop_decay must lie in"),
        ("adagrad", {"adagrad_init": -1.0}, "optim.adagrad_init must be >= 0"),
        ("adam", {"first_cycle": 0.0}, r"optim.first_cycle must lie in \(0, 1\], got 0.0"),
        ("adam", {"accumulate_steps": 0}, "optim.accumulate_steps must be at least 1, got 0"),
        ("adam", {"swa": 1.0}, r"optim.swa must lie in \[0, 1\), got 1.0"),
        ("adam", {"swa": 0.5, "ema": 0.9}, "ema and swa exclude each other"),
        ("lbfgs", {"lbfgs_history": 0}, "optim.lbfgs_history must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(name, options, message):
    with pytest.raises((UsageError, ValueError), match=message):
        OptimConfig.choose(name)(**options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OptimConfig(name="adam"),
        lambda: SGD(name="adam"),
        lambda: dataclasses.replace(Adam(), name="adamw"),
    ],
)
def test_a_name_is_that_of_its_class(make):
    with pytest.raises(UsageError, match=r"optim.name = adamw? is AdamW?\(...\), got"):
        make()


def read(table, *flags):
    return parse(
        ClassifierConfig, {"optim": table}, flags, path=ClassifierConfig, prog="test"
    ).optim


def test_the_name_brings_the_options_of_its_rule():
    assert read({}) == Adam()
    assert read({"name": "momentum", "momentum": 0.5}) == Momentum(momentum=0.5)
    assert read({}, "--optim.name", "adamw", "--optim.b1", "0.5") == AdamW(b1=0.5)
    assert read({}, "--optim.name=lbfgs", "--optim.lbfgs_history=3") == LBFGS(lbfgs_history=3)
    assert to_table(read({"name": "sgd"})).keys().isdisjoint({"b1", "momentum", "eps"})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--optim.name", "sgd", "--optim.b1", "0.5"], r"--optim\.b1.*adam, adamw"),
        (["--optim.momentum", "0.5"], r"--optim\.momentum.*momentum, nesterov"),
        (["--optim.clip_nrom", "1"], r"--optim\.clip_nrom: did you mean --optim\.clip_norm"),
        (["--optim.name", "lbfgs", "--optim.warmup", "3"], r"--optim\.warmup.*sgd, momentum"),
        (["--optim.name=lbfgs", "--optim.ema=.9"], r"--optim\.ema: an option .*sgd.*adamw$"),
        (["--optim.name", "adaw"], "optim.name must be one of sgd"),
    ],
)
def test_an_option_of_another_rule_is_unknown_and_its_rules_are_named(flags, message):
    with pytest.raises(UsageError, match="(?s)" + message):
        read({}, *flags)


def test_another_rule_keeps_what_both_share():
    """All of a schedule between rules of one gradient; only rate and decay with a line search."""
    table = {"name": "adam", "lr": 0.1, "b1": 0.5, "schedule": "cosine", "weight_decay": 0.2}
    shared = {"lr": 0.1, "schedule": "cosine", "weight_decay": 0.2}
    assert read(table, "--optim.name", "sgd") == SGD(**shared)
    assert read(table, "--optim.name", "adamw") == AdamW(b1=0.5, **shared)
    assert read(table, "--optim.name", "lbfgs") == LBFGS(lr=0.1, weight_decay=0.2)
    nesterov = read({"name": "momentum", "momentum": 0.5}, "--optim.name", "nesterov")
    assert nesterov == Nesterov(momentum=0.5)
    assert read({}, "--optim.name", "adagrad") == Adagrad(eps=1e-10)  # not adam's 1e-8


def test_in_python_too():
    cosine = AdamW(lr=0.1, b1=0.5, schedule="cosine")
    assert switch_rule(cosine, "sgd") == SGD(lr=0.1, schedule="cosine")
    assert switch_rule(cosine, "lbfgs") == LBFGS(lr=0.1)
    assert switch_rule(cosine, "adamw") == cosine


def test_help_shows_what_the_rule_has(capsys):
    with pytest.raises(SystemExit):
        read({"name": "momentum"}, "--help")
    shown = capsys.readouterr().out
    assert "--optim.momentum" in shown
    assert "--optim.min-factor" in shown.replace("_", "-")
    assert "--optim.b1" not in shown
    assert "--optim.lbfgs" not in shown
