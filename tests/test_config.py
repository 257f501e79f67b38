"""A file and flags become one checked dataclass."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from jaxdl.checks import UsageError
from jaxdl.config import differences, parse, read_toml, to_table
from jaxdl.models.registry import ModelConfig
from jaxdl.runs.run_folder import write_toml


@dataclass(frozen=True)
class Loop:
    one_of: ClassVar = (("steps", "epochs"),)
    steps: int | None = None
    epochs: int | None = 10


@dataclass(frozen=True)
class Optim:
    lr: float = 0.1
    nesterov: bool = False


@dataclass(frozen=True)
class Config:
    optim: Optim = Optim()
    loop: Loop = Loop()
    model: ModelConfig = ModelConfig("mlp")
    widths: tuple[int, ...] = (1, 2)
    name: str = ""


def read(table, *flags):
    return parse(Config, table, flags, path=Path("my.toml"), prog="test")


def test_defaults_then_the_file_then_flags():
    assert read({}).optim.lr == 0.1
    assert read({"optim": {"lr": 0.2}}).optim.lr == 0.2
    assert read({"optim": {"lr": 0.2}}, "--optim.lr", "0.3").optim.lr == 0.3
    assert read({"optim": {"nesterov": True}}, "--optim.nesterov=False").optim.nesterov is False
    assert read({"widths": [3]}, "--widths", "4", "5").widths == (4, 5)
    assert read({"widths": []}).widths == ()
    assert read({"name": "-a b"}).name == "-a b"
    assert read({"optim": {"lr": -1e-3}}).optim.lr == -1e-3


def test_the_last_word_of_two_that_exclude_each_other():
    assert read({}).loop == Loop(None, 10)
    assert read({"loop": {"steps": 5}}).loop == Loop(5, None)
    assert read({"loop": {"steps": 5}}, "--loop.epochs", "2").loop == Loop(None, 2)
    with pytest.raises(UsageError, match="loop.steps and loop.epochs exclude each other"):
        read({"loop": {"steps": 5, "epochs": 2}})


@pytest.mark.parametrize("flags", [["--loop.epochs", "None"], ["--loop.epochs=None"]])
def test_none_is_no_value_and_one_of_two_must_have_one(flags):
    assert read({}, *flags, "--loop.steps=3").loop == Loop(3, None)
    with pytest.raises(UsageError, match=r"loop\.steps and loop\.epochs are both None; give one"):
        read({}, *flags)


def test_a_number_that_no_array_holds_is_refused():
    assert read({"loop": {"steps": 2**63 - 1}}).loop.steps == 2**63 - 1
    for steps in (2**63, -(2**63) - 1):
        with pytest.raises(UsageError, match=rf"loop\.steps must fit into 64 bits, got {steps}"):
            read({}, f"--loop.steps={steps}")


def test_very_many_unknown_fields_are_refused_within_a_second():
    """tyro takes half a minute to look for what 18,000 of them may mean."""
    began = time.process_time()
    with pytest.raises(UsageError, match=r"config my\.toml: 18000 unknown fields: \['k0', 'k1', "):
        read({f"k{i}": 1 for i in range(18_000)})
    assert time.process_time() - began < 1


def test_a_model_brings_its_own_options():
    assert read({}).model.hidden == (256,)
    assert read({"model": {"name": "mlp", "hidden": [8, 4]}}).model.hidden == (8, 4)
    lenet = read({"model": {"name": "mlp", "hidden": [8]}}, "--model.name", "lenet").model
    assert (lenet.name, lenet.hidden) == ("lenet", 500)
    assert isinstance(read({}), Config)
    with pytest.raises(UsageError, match="no 'lennet'; did you mean lenet"):
        read({}, "--model.name=lennet")


@pytest.mark.parametrize(
    ("table", "flags", "message"),
    [
        ({"optim": {"lrr": 1}}, [], r"my\.toml.*(?s:.*)--optim\.lrr(?s:.*)--optim\.lr"),
        ({}, ["--optim.lrr", "1"], r"flags(?s:.*)--optim\.lrr(?s:.*)--optim\.lr FLOAT"),
        ({}, ["--loop.steps", "1.5"], r"loop\.steps(?s:.*)1\.5"),
        ({}, ["--optim.lr", "abc"], r"optim\.lr(?s:.*)abc"),
        ({}, ["--optim.nesterov", "maybe"], r"maybe.*optim\.nesterov(?s:.*)True"),
    ],
)
def test_what_cannot_be_is_refused_with_its_source(table, flags, message):
    with pytest.raises(UsageError, match=message):
        read(table, *flags)


def test_a_config_survives_its_file(tmp_path):
    config = read(
        {"optim": {"lr": 0.25}, "loop": {"steps": 3}, "model": {"name": "mlp", "hidden": []}}
    )
    write_toml(tmp_path / "c.toml", to_table(config))
    again = parse(Config, read_toml(tmp_path / "c.toml"), [], path=Path("c"), prog="test")
    assert to_table(again) == to_table(config)
    assert dataclasses.asdict(again) == dataclasses.asdict(config)


def test_differences_are_dotted():
    old, new = {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}
    assert differences(old, new) == {"a.c": (2, 3), "d": (None, 4)}


def test_a_file_that_is_no_toml_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(UsageError, match=r"bad\.toml: not valid TOML"):
        read_toml(tmp_path / "bad.toml")
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read"):
        read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize("said", [("--optim.nesterov", "true"), ("--optim.nesterov=True",)])
def test_bools_are_spelled_as_in_toml_or_in_python(said):
    assert read({}, *said).optim.nesterov is True
    assert read({"optim": {"nesterov": True}}, "--optim.nesterov", "false").optim.nesterov is False
    assert read({}, "--name", "true").name == "true"


@dataclasses.dataclass(frozen=True)
class Shape:
    """A family of which `choose` gives the members; `size` is shared."""

    name: str = "circle"
    size: int = 1

    @staticmethod
    def choose(name):
        return {"circle": Circle, "star": Star}[name]


@dataclasses.dataclass(frozen=True)
class Circle(Shape):
    """Nothing of its own."""

    radius: float = 1.0


@dataclasses.dataclass(frozen=True)
class Star(Shape):
    """Its own number of points."""

    name: str = "star"
    points: int = 5


@dataclasses.dataclass(frozen=True)
class Inner:
    """A table inside of a table."""

    shape: Shape = Shape()
    count: int = 2


@dataclasses.dataclass(frozen=True)
class Outer:
    """Two levels."""

    inner: Inner = Inner(shape=Circle(size=7))


def test_a_choice_below_another_table_keeps_what_all_share():
    def outer(table, *flags):
        return parse(Outer, table, flags, path=Path("my.toml"), prog="test").inner

    assert outer({}).shape == Circle(size=7)
    star = {"inner": {"count": 3, "shape": {"name": "star", "points": 6, "size": 4}}}
    assert outer(star).shape == Star(size=4, points=6)
    assert outer(star).count == 3
    assert outer({}, "--inner.shape.name", "star").shape == Star(size=7)
    assert outer(star, "--inner.shape.name=circle").shape == Circle(size=4)
    with pytest.raises(UsageError, match=r"--inner\.shape\.points"):
        outer({}, "--inner.shape.points", "3")
