"""Each script runs: one of its configs, on embedded data, two steps."""

import json
import re

import jax
import pytest

from jaxdl.catalog import find_configs
from jaxdl.cli import main
from jaxdl.experiment import read_config
from jaxdl.vision3d.single_view import mesh_scores
from tests.data.made_files import write_files
from tests.small_runs import ROOT, SMALL


def scripts():
    found = {}
    for path in sorted((ROOT / "experiments").rglob("*.py")):
        if path.name != "__init__.py":
            name = ".".join(path.relative_to(ROOT / "experiments").with_suffix("").parts)
            found[name] = path
    return found


@pytest.fixture
def forget_compiled_programs():
    """Each script's own programs: together they are gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Files in place of those that experiments look for in JAXDL_DATA_DIR."""
    folder = tmp_path_factory.mktemp("data")
    write_files(folder)
    return folder


@pytest.mark.usefixtures("forget_compiled_programs")
@pytest.mark.parametrize("name", scripts())
def test_a_script_runs_two_steps(name, tmp_path, monkeypatch, data_dir, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(mesh_scores, "POINTS", 500)
    monkeypatch.setattr("experiments.vision3d.occupancy.POINTS", 500)
    monkeypatch.setenv("JAXDL_DATA_DIR", str(data_dir))
    config, flags = SMALL[name]
    assert read_config(find_configs(ROOT)[config], [])[0].name == name
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", config, *flags, "--run-dir", str(tmp_path / "run")])
    assert stop.value.code == 0
    said = capsys.readouterr().err
    assert re.search(
        r"^\S+?(( \(synthetic\))?: [\d,]+ train.* rows)?;.* on (\d x )?cpu: cpu$", said, re.M
    ), said
    assert re.search(r"^to open:\n  .*report\.html$", said, re.M)
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["experiment"] == name
    assert report["metrics"]
    assert report["seconds"]["total"] > 0
