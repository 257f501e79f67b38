"""my_experiment learns, and a field of it reaches the network: pytest test_my_experiment.py"""

from pathlib import Path

import pytest

from jaxdl.experiment import read_config

CONFIG = Path(__file__).with_name("my_experiment.toml")


def test_a_short_run_learns(tmp_path):
    experiment, cfg = read_config(CONFIG, ["--loop.epochs", "3", "--loop.devices", "1"])
    report = experiment.execute(cfg, tmp_path)
    assert report["metrics"]["test_accuracy"] > 0.3  # chance: .1


@pytest.mark.parametrize("features", [4, 8])
def test_features_are_those_of_the_first_convolution(features):
    experiment, cfg = read_config(CONFIG, ["--features", str(features)])
    assert experiment.builder("test")(cfg).model.features == features
