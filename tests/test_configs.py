"""Every config is read by its script and names its data; results belong to configs."""

import json
from pathlib import Path

import pytest

from jaxdl.catalog import find_configs
from jaxdl.commands.list import list_rows
from jaxdl.config import read_toml
from jaxdl.experiment import read_config
from jaxdl.runs.results import render

ROOT = Path(__file__).parents[1]
CONFIGS = find_configs(ROOT)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_checked_by_its_script(name):
    experiment, config = read_config(CONFIGS[name], [])
    assert isinstance(config, experiment.Config)
    assert callable(experiment.run or experiment.build)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_names_its_script_and_its_data(name):
    table = read_toml(CONFIGS[name])
    assert isinstance(table["experiment"], str)
    if "data" in table or hasattr(read_config(CONFIGS[name], [])[1], "data"):
        assert table["data"]["name"]
    folder = CONFIGS[name].relative_to(ROOT / "configs").parts[0]
    assert table["experiment"].split(".")[0] == folder


def test_ones_own_data_without_validation_rows_has_some_set_apart():
    own = {name for name in CONFIGS if name.startswith("own_")}
    assert own >= {"own_detector", "own_instances", "own_masks", "own_clips", "own_csv"}
    assert {name for name in own if read_config(CONFIGS[name], [])[1].data.val != -1} == set()


def test_names_are_unique():
    files = list((ROOT / "configs").rglob("*.toml"))
    assert len(files) == len(CONFIGS)


def test_results_belong_to_configs_and_are_rendered():
    results = json.loads((ROOT / "results.json").read_text())
    assert set(results) <= set(CONFIGS)
    assert (ROOT / "RESULTS.md").read_text() == render(ROOT)
    recorded = {row["config"] for row in list_rows() if row["metrics"]}
    assert recorded == set(results)
