"""The JSON beside a weight file: what is in it comes back, what cannot be is named."""

import dataclasses
import json

import pytest

from jaxdl.checks import CheckpointError
from jaxdl.models.weights.facts import (
    LARGEST,
    Facts,
    class_names,
    facts_path,
    read_facts_file,
    write_facts,
)
from jaxdl.models.weights.imagenet import imagenet_classes
from jaxdl.models.weights.preprocessing import Preprocessing

FACTS = Facts(
    "mobilenet_v2",
    "torchvision",
    Preprocessing(mean=(0.5, 0.5, 0.5), interpolation="bicubic"),
    "00ff",
    "somewhere",
    "MIT",
    classes=("cat", "Käfer"),
    options={"padding": "same", "features": (1, 2)},
    notes=("one", "two"),
)


def test_what_is_written_is_read(tmp_path):
    write_facts(tmp_path / "a.safetensors", FACTS)
    path = facts_path(tmp_path / "a.safetensors")
    assert path.name == "a.safetensors.json"
    assert read_facts_file(path) == FACTS
    text = "\n".join(FACTS.lines())
    for shown in ("license: MIT", "padding same", "cat, Käfer", "note: two", "bicubic"):
        assert shown in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"license": None}, "license must be text"),
        ({"sha": "00"}, "sha is unknown"),
        ({"options": []}, "options must be a table"),
        ({"preprocessing": {"size": 0}}, "preprocessing: .*needs 0 < size"),
        ({"preprocessing": {"sice": 3}}, "preprocessing: .*sice"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, change, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(dataclasses.asdict(FACTS) | change))
    with pytest.raises(CheckpointError, match=f"a.json: {message}"):
        read_facts_file(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        (" " * LARGEST + "{}", "must be at most"),
        ("[]", "must hold a table, got list"),
        ("{}", "license is missing; model is missing"),
        ("{", "not the JSON of a weight file"),
        ("\udcff", "not the JSON of a weight file"),
    ],
)
def test_what_is_no_such_file_is_one_message(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=message):
        read_facts_file(path)


def test_imagenets_names_are_torchvisions(torchvision):
    assert list(imagenet_classes()) == torchvision.models._meta._IMAGENET_CATEGORIES
    assert class_names("imagenet")[285] == "Egyptian cat"
    assert class_names(("a", "b")) == ("a", "b")
